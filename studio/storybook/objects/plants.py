"""Things that grow, and the star: tree, pine, cactus, flower, mushroom, star."""

import math

from studio.storybook.shapes import Drawing, Role, Shape, blob, box, curve, limb, line, oval, poly


def tree() -> Drawing:
    """A round crown of puffs on a forked trunk."""
    return (
        poly("wood", (33, 60), (47, 60), (48, 90), (55, 100), (25, 100), (32, 90), r=4),
        limb("wood", 5, (40, 76), (54, 60)),
        limb("wood", 5, (40, 80), (27, 64)),
        oval("shade", 19, 49, 19),
        oval("shade", 61, 49, 19),
        oval("shade", 40, 52, 23),
        oval("main", 19, 44, 18),
        oval("main", 61, 44, 18),
        oval("main", 40, 44, 23),
        oval("main", 27, 26, 20),
        oval("main", 52, 25, 20),
        oval("main", 39, 18, 18),
        oval("light", 29, 19, 12, 9, -25),
        oval("light", 14, 40, 7, 6, -20),
        oval("shade", 50, 38, 9, 5, -12),
        oval("shade", 31, 52, 8, 4, -8),
        oval("accent", 55, 23, 3.4),
        oval("accent", 63, 45, 3.4),
        oval("accent", 38, 36, 3.4),
        oval("accent", 20, 51, 3.4),
    )


def pine() -> Drawing:
    """Four rounded tiers, each with a lighter left and a dark hem."""
    tiers = ((0, 34, 15), (17, 54, 23), (36, 74, 29), (56, 92, 34))
    shapes: list[Shape] = [box("wood", 28, 84, 40, 100, r=2)]
    for top, foot, half in reversed(tiers):
        skirt = [(34 + half, foot - 3), (34 + half * 0.45, foot + 1), (34, foot - 2),
                 (34 - half * 0.45, foot + 1), (34 - half, foot - 3)]  # fmt: skip
        shapes += [
            poly("shade", (34, top), *skirt, r=4),
            poly("main", (34, top), *((x * 0.94 + 2.04, y - 5) for x, y in skirt), r=4),
            poly("light", (33, top + 5), (34 - half * 0.28, foot - 12), (34 - half * 0.66, foot - 9), r=3),
        ]
    return tuple(shapes)


def cactus() -> Drawing:
    """A saguaro with two raised arms and a blossom on its head."""
    return (
        limb("main", 15, (37, 74), (18, 72), (10, 62), (9, 42)),
        limb("main", 15, (37, 62), (56, 60), (65, 50), (66, 30)),
        curve("light", 3, (14, 58), (11, 52), (10, 42)),
        curve("light", 3, (70, 44), (69, 38), (69, 31)),
        box("main", 24, 8, 51, 100, r=13),
        poly("main", (24, 60), (51, 60), (53, 100), (22, 100), r=2),
        poly("shade", (44, 14), (51, 20), (53, 100), (43, 100), r=3),
        curve("light", 4, (30, 20), (29, 50), (29, 92)),
        curve("shade", 2.6, (37, 18), (37, 50), (37, 96)),
        *(line("pale", 2.2, (x - 2, y), (x + 2, y - 1.5)) for x, y in ((33, 30), (41, 42), (33, 56), (41, 70), (33, 82))),
        line("pale", 2.2, (7, 50), (10, 49)),
        line("pale", 2.2, (64, 44), (67, 43)),
        oval("blush", 30, 9, 6, 4.4, 35),
        oval("blush", 45, 9, 6, 4.4, -35),
        oval("blush", 37.5, 5, 4.6, 6),
        oval("gold", 37.5, 9.5, 3.6),
    )  # fmt: skip


def flower() -> Drawing:
    """Eight broad petals round a golden heart, on a bent stem with two leaves."""

    def petals(role: Role, start: float, reach: float, rx: float, ry: float) -> list[Shape]:
        angles = [math.radians(start + 45 * i) for i in range(8)]
        return [
            oval(role, 35 + reach * math.cos(a), 34 + reach * math.sin(a), rx, ry, math.degrees(a))
            for a in angles
        ]  # fmt: skip

    return (
        limb("leaf", 5, (35, 58), (37, 78), (34, 99)),
        blob("leaf", (36, 92), (42, 78), (58, 73), (68, 75), (62, 86), (48, 93)),
        blob("leaf", (35, 96), (28, 84), (14, 80), (4, 83), (10, 92), (22, 98)),
        *petals("shade", 22.5, 20, 14, 9),
        *petals("main", 0, 20, 14, 9.6),
        *petals("light", 0, 21, 7, 2.6),
        oval("dark", 35, 34.8, 11.4),
        oval("gold", 35, 34, 11),
        oval("accent", 32, 31, 2),
        oval("accent", 38.5, 32, 2),
        oval("accent", 35, 38, 2),
    )


def mushroom() -> Drawing:
    """A wide spotted cap on a plump stem with a small smile."""
    return (
        blob("pale", (36, 52), (59, 52), (63, 76), (67, 93), (60, 100), (36, 100), (28, 93), (32, 76)),
        blob("metal", (33, 57), (62, 57), (61, 64), (47.5, 66), (34, 64)),
        blob("shade", (2, 50), (14, 62), (47.5, 66), (81, 62), (93, 50), (80, 44), (15, 44)),
        blob("main", (0, 46), (6, 24), (24, 5), (47, 0), (71, 5), (89, 24), (95, 46), (88, 55), (47.5, 58), (7, 55)),
        blob("light", (9, 34), (14, 20), (27, 9), (36, 7), (24, 18), (16, 32)),
        oval("pale", 48, 20, 10, 8.5),
        oval("pale", 75, 30, 7.5, 7, 30),
        oval("pale", 24, 37, 7.5, 7),
        oval("pale", 53, 45, 6.5, 5.5),
        oval("pale", 84, 48, 4.4, 4),
        oval("dark", 42, 76, 2.4, 3),
        oval("dark", 54, 76, 2.4, 3),
        curve("dark", 2, (44.5, 83), (48, 85.5), (51.5, 83)),
        oval("blush", 37.5, 82, 3, 2.2),
        oval("blush", 58.5, 82, 3, 2.2),
    )  # fmt: skip


def star() -> Drawing:
    """A plump five-pointed star that smiles."""
    tips = [
        (50 + 56 * math.sin(math.radians(72 * i)), 56 - 57 * math.cos(math.radians(72 * i))) for i in range(5)
    ]
    dips = [(50 + 29 * math.sin(math.radians(72 * i + 36)), 56 - 29 * math.cos(math.radians(72 * i + 36)))
            for i in range(5)]  # fmt: skip
    corners = [corner for pair in zip(tips, dips, strict=True) for corner in pair]
    inner = [(50 + (x - 50) * 0.86, 54 + (y - 54) * 0.86) for x, y in corners]
    return (
        poly("shade", *corners, r=9),
        poly("main", *((x, y - 1) for x, y in inner), r=8),
        blob("light", (49, 14), (44, 27), (38, 37), (30, 40), (17, 41), (28, 34), (38, 31), (44, 20)),
        oval("eye", 41, 50, 3.4, 4.4),
        oval("eye", 59, 50, 3.4, 4.4),
        oval("pupil", 41.4, 50, 2.2, 3.4),
        oval("pupil", 59.4, 50, 2.2, 3.4),
        oval("pale", 42.2, 48.4, 1.2),
        oval("pale", 60.2, 48.4, 1.2),
        curve("dark", 2.4, (44, 60), (50, 64), (56, 60)),
        oval("blush", 34, 58, 4.4, 3),
        oval("blush", 66, 58, 4.4, 3),
    )
