"""Things with a roof: house, castle, lighthouse, tent, umbrella."""

from studio.storybook.shapes import Drawing, Shape, arch, blob, box, curve, dome, limb, line, oval, poly


def house() -> Drawing:
    """A cottage with a steep roof, a chimney, a door and two windows."""
    return (
        box("shade", 72, 8, 85, 40, r=1.5),
        box("deep", 70, 5, 87, 12, r=2),
        box("main", 10, 42, 95, 100, r=2),
        box("shade", 10, 42, 95, 53),
        box("shade", 10, 94, 95, 100, r=2),
        box("light", 14, 56, 20, 90, r=2),
        poly("deep", (52.5, 0), (105, 45), (99, 52), (6, 52), (0, 45), r=5),
        poly("shade", (52.5, 2), (102, 45), (97, 49), (8, 49), (3, 45), r=5),
        curve("light", 2.6, (20, 40), (27, 43), (34, 40), (41, 43), (48, 40), (55, 43), (62, 40), (69, 43), (76, 40), (83, 43), (88, 40)),
        curve("main", 2.6, (35, 28), (41, 31), (47, 28), (53, 31), (59, 28), (65, 31), (71, 28)),
        oval("pale", 52.5, 19, 6.5),
        oval("glass", 52.5, 19, 4.2),
        arch("pale", 42, 63, 57, 100),
        arch("wood", 44.5, 60.5, 60, 100),
        oval("gold", 57, 82, 1.8),
        *_window(29, 73),
        *_window(78, 73),
    )  # fmt: skip


def _window(x: float, y: float) -> tuple[Shape, ...]:
    return (
        box("pale", x - 9.5, y - 11, x + 9.5, y + 11, r=2),
        box("glass", x - 7, y - 8.5, x + 7, y + 8.5, r=1),
        line("pale", 2, (x, y - 8), (x, y + 8)),
        line("pale", 2, (x - 7, y), (x + 7, y)),
        box("wood", x - 10.5, y + 10, x + 10.5, y + 14, r=1),
    )


def castle() -> Drawing:
    """A keep between two round towers with pointed roofs and flags."""
    return (
        *_tower(17, 24),
        *_tower(93, 24),
        line("wood", 2, (55, 12), (55, 0)),
        poly("accent", (55, 1), (70, 5), (55, 10), r=1),
        *(box("main", x, 22, x + 8, 34, r=1) for x in (33, 44.5, 57.5, 69)),
        box("main", 32, 29, 78, 60),
        box("shade", 32, 36, 78, 39),
        poly("shade", (55, 9), (66, 30), (44, 30), r=2),
        box("main", 26, 50, 84, 100),
        *(box("light", x, 46, x + 7, 56, r=1) for x in (29, 41, 62, 74)),
        box("light", 28, 53, 82, 57),
        arch("shade", 39, 71, 60, 100),
        arch("wood", 42.5, 67.5, 64, 100),
        *(line("dark", 1.8, (x, 66), (x, 100)) for x in (49, 55, 61)),
        line("dark", 1.8, (43, 80), (67, 80)),
        arch("glass", 51, 59, 41, 51),
    )


def _tower(x: float, top: float) -> tuple[Shape, ...]:
    return (
        line("wood", 2, (x, top), (x, top - 20)),
        poly("accent", (x, top - 20), (x + 13, top - 15.5), (x, top - 11), r=1),
        box("main", x - 14, top + 18, x + 14, 100, r=1.5),
        box("shade", x + 6, top + 18, x + 14, 100, r=1.5),
        box("light", x - 11, top + 26, x - 7.5, 92, r=1.5),
        poly("shade", (x, top - 10), (x + 17, top + 20), (x - 17, top + 20), r=2.5),
        poly("deep", (x + 1, top - 8), (x + 17, top + 20), (x + 5, top + 20), r=2),
        arch("glass", x - 4.5, x + 4.5, top + 28, top + 43),
        *(box("shade", x - 9 + dx, y, x - 1 + dx, y + 4, r=1.2) for dx, y in ((2, 76), (-3, 86))),
    )


def lighthouse() -> Drawing:
    """A tall tapering tower with two pale bands, a gallery, a lit lantern and a domed roof."""
    return (
        line("dark", 2, (22.5, 6), (22.5, 0)),
        poly("main", (12.5, 31), (32.5, 31), (40, 96), (5, 96), r=1),
        poly("pale", (10.8, 47), (34.3, 47), (35.3, 55), (9.7, 55)),
        poly("pale", (8, 69), (37, 69), (38, 77), (7, 77)),
        poly("shade", (27, 33), (32.5, 33), (34.3, 47), (28.3, 47)),
        poly("metal", (28.3, 47), (34.3, 47), (35.3, 55), (29.1, 55)),
        poly("shade", (29.1, 55), (35.3, 55), (37, 69), (30.3, 69)),
        poly("metal", (30.3, 69), (37, 69), (38, 77), (31, 77)),
        poly("shade", (31, 77), (38, 77), (40, 96), (32.5, 96)),
        line("light", 3, (15.5, 35), (14.6, 43)),
        line("light", 3, (13.2, 58), (12.2, 66)),
        box("gold", 14.5, 15, 30.5, 29, r=1),
        box("pale", 19, 16.5, 25, 27, r=2),
        line("dark", 1.6, (17, 15), (17, 29)),
        line("dark", 1.6, (28, 15), (28, 29)),
        dome("main", 11, 34, 3.5, 16),
        blob("light", (16, 13), (18, 8), (22, 6), (20, 10)),
        box("dark", 8.5, 28, 36.5, 32.5, r=2),
        arch("dark", 19, 26, 37, 44.5),
        arch("wood", 17, 28, 82, 95),
        box("main", 0, 94, 45, 100, r=2.5),
        box("shade", 0, 97, 45, 100, r=1.5),
    )


def tent() -> Drawing:
    """A ridge tent with an open flap, pegs and a pennant."""
    return (
        line("wood", 3, (67.5, 16), (67.5, 2)),
        poly("accent", (68, 1), (88, 7), (68, 13), r=1),
        line("wood", 2.2, (60, 24), (1, 97)),
        line("wood", 2.2, (75, 24), (134, 97)),
        poly("main", (67.5, 12), (127, 98), (122, 100), (13, 100), (8, 98), r=3),
        poly("shade", (67.5, 13), (127, 98), (122, 100), (97, 100), r=2),
        poly("light", (62, 26), (50, 56), (30, 93), (22, 93), r=3),
        poly("dark", (67.5, 38), (92, 100), (43, 100), r=2),
        poly("light", (67.5, 36), (43, 100), (30, 100), (52, 72), r=2),
        poly("light", (67.5, 36), (92, 100), (105, 100), (83, 72), r=2),
        curve("pale", 2.4, (67, 38), (54, 66), (43, 98)),
        curve("pale", 2.4, (68, 38), (81, 66), (92, 98)),
        curve("shade", 3, (18, 91), (24, 95), (31, 96)),
    )


def umbrella() -> Drawing:
    """An open umbrella with scalloped hem and a hooked handle."""
    hem = ((0, 50), (17, 45), (33, 52), (50, 46), (67, 52), (83, 45), (100, 50))
    return (
        line("dark", 3, (50, 8), (50, 0)),
        limb("wood", 5, (50, 40), (50, 84), (46, 96), (37, 97), (33, 89)),
        poly("shade", *hem, (92, 58), (50, 52), (8, 58), r=3),
        blob("main", (0, 52), (5, 30), (22, 11), (50, 4), (78, 11), (95, 30), (100, 52), (92, 47), (83, 46), (75, 48), (67, 54),
             (59, 48), (50, 47), (41, 48), (33, 54), (25, 48), (17, 46), (8, 47)),
        blob("light", (50, 4), (38, 22), (33, 53), (25, 48), (17, 46), (8, 47), (0, 52), (16, 28), (32, 10)),
        blob("main", (44, 6), (26, 22), (15, 46), (8, 47), (0, 52), (5, 30), (22, 11)),
        blob("shade", (50, 4), (62, 22), (67, 54), (75, 48), (84, 46), (78, 26), (66, 10)),
        oval("dark", 50, 5, 4, 2.6),
    )  # fmt: skip
