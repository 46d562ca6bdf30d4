"""Creatures that the model has never seen: to be taught with a LoRA under an invented name."""

from studio.storybook.shapes import Drawing, blob, curve, limb, line, oval, poly


def mobo() -> Drawing:
    """A mobo: a round imp with two golden horns, a sprout between them, a pale belly and a zigzag tail."""
    return (
        limb("shade", 8, (62, 88), (80, 90), (78, 76), (92, 78), (89, 62)),
        poly("gold", (83, 64), (91, 48), (95, 66), r=2),
        poly("gold", (14, 30), (4, 2), (32, 20), r=3),
        poly("gold", (72, 30), (82, 2), (54, 20), r=3),
        curve("wood", 2, (8, 12), (14, 15), (19, 11)),
        curve("wood", 2, (78, 12), (72, 15), (67, 11)),
        limb("leaf", 4, (43, 20), (43, 12), (44, 8)),
        blob("leaf", (44, 9), (33, 8), (26, 0), (38, 0)),
        blob("leaf", (44, 9), (54, 8), (61, 0), (49, 0)),
        blob("main", (43, 16), (66, 22), (80, 44), (80, 72), (66, 94), (43, 98), (20, 94), (6, 72), (6, 44), (20, 22)),
        blob("shade", (66, 24), (80, 46), (80, 72), (66, 94), (50, 97), (66, 78), (70, 52)),
        blob("pale", (43, 58), (58, 64), (62, 80), (54, 93), (43, 95), (32, 93), (24, 80), (28, 64)),
        *(curve("shade", 2.2, (31, y), (43, y + 4), (55, y)) for y in (72, 80, 88)),
        oval("main", 10, 66, 7, 12, 24),
        oval("main", 76, 66, 7, 12, -24),
        oval("gold", 27, 97, 12, 4.6),
        oval("gold", 59, 97, 12, 4.6),
        oval("pale", 29, 40, 10, 11),
        oval("pale", 57, 40, 10, 11),
        oval("dark", 31, 41, 5.4, 6.6),
        oval("dark", 55, 41, 5.4, 6.6),
        oval("pale", 33, 38, 2),
        oval("pale", 57, 38, 2),
        oval("blush", 18, 53, 5.4, 3.4),
        oval("blush", 68, 53, 5.4, 3.4),
        curve("dark", 2.2, (35, 53), (43, 58), (51, 53)),
        poly("pale", (37, 55), (41, 56.5), (39, 61), r=0.8),
        line("shade", 2, (43, 20), (43, 26)),
    )  # fmt: skip
