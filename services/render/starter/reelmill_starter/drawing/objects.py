"""Things that are held or stand about. (x, y) is the middle of a held thing, the foot of a placed one."""

from reelmill_starter.drawing.pen import INK, Pen


def draw_held(pen: Pen, name: str, x: float, y: float, size: float) -> None:
    """Draws a held object about `size` in radius; raises KeyError for an unknown name."""
    s = size
    match name:
        case "book":
            pen.polygon(
                [(x, y - s * 0.5), (x + s, y - s * 0.7), (x + s, y + s * 0.4), (x, y + s * 0.6)],
                (250, 246, 230),
            )
            pen.polygon(
                [(x, y - s * 0.5), (x - s, y - s * 0.7), (x - s, y + s * 0.4), (x, y + s * 0.6)],
                (190, 40, 50),
            )
        case "cup":
            pen.circle(x + s * 0.55, y, s * 0.3, (250, 250, 250))
            pen.box(x - s * 0.5, y - s * 0.5, x + s * 0.5, y + s * 0.55, (250, 250, 250))
            pen.bare_box(x - s * 0.4, y - s * 0.4, x + s * 0.4, y - s * 0.25, (110, 66, 36))
        case "lantern":
            pen.arc(x, y - s * 0.6, s * 0.4, 180, 360, s * 0.12, INK)
            pen.dot(x, y + s * 0.1, s * 1.05, (255, 226, 130))
            pen.box(x - s * 0.42, y - s * 0.6, x + s * 0.42, y + s * 0.75, (255, 200, 40))
            pen.box(x - s * 0.5, y + s * 0.6, x + s * 0.5, y + s * 0.85, (70, 60, 60))
        case "flowers":
            for step, colour in ((-0.55, (235, 60, 90)), (0.0, (250, 210, 60)), (0.55, (240, 110, 200))):
                pen.stroke([(x, y + s * 0.9), (x + step * s, y - s * 0.3)], s * 0.14, (40, 130, 50))
                pen.circle(x + step * s, y - s * 0.45, s * 0.36, colour)
        case "umbrella":
            pen.stroke([(x, y + s * 0.6), (x, y - s * 3.5)], s * 0.16, (80, 60, 50))
            top = y - s * 3.5
            points = [(x - s * 2.1, top + s * 0.6), (x - s * 1.2, top - s * 0.5), (x, top - s * 0.95)]
            points += [(x + s * 1.2, top - s * 0.5), (x + s * 2.1, top + s * 0.6)]
            pen.polygon(points, (60, 90, 170))
        case "bag":
            pen.arc(x, y - s * 0.1, s * 0.45, 180, 360, s * 0.16, (90, 54, 28))
            pen.box(x - s * 0.75, y, x + s * 0.75, y + s * 1.1, (150, 92, 44))
        case "ball":
            pen.circle(x, y, s * 0.85, (236, 70, 50))
            pen.stroke([(x - s * 0.8, y), (x + s * 0.8, y)], s * 0.22, (255, 255, 255))
        case "letter":
            pen.box(x - s * 0.85, y - s * 0.55, x + s * 0.85, y + s * 0.6, (252, 250, 240))
            pen.stroke(
                [(x - s * 0.8, y - s * 0.5), (x, y + s * 0.15), (x + s * 0.8, y - s * 0.5)],
                s * 0.12,
                (120, 110, 100),
            )
        case "guitar":
            pen.limb([(x, y), (x + s * 1.7, y - s * 1.1)], s * 0.3, (84, 50, 30))
            pen.circle(x + s * 0.15, y - s * 0.05, s * 0.55, (232, 140, 44))
            pen.circle(x - s * 0.55, y + s * 0.4, s * 0.75, (232, 140, 44))
            pen.dot(x - s * 0.25, y + s * 0.2, s * 0.27, (60, 36, 24))
        case "camera":
            pen.box(x - s * 0.4, y - s * 0.85, x + s * 0.4, y - s * 0.4, (70, 74, 84))
            pen.box(x - s, y - s * 0.6, x + s, y + s * 0.7, (44, 46, 54))
            pen.circle(x, y + s * 0.05, s * 0.52, (214, 220, 228))
            pen.dot(x, y + s * 0.05, s * 0.34, (60, 130, 210))
        case "sword":
            blade = [
                (x - s * 0.2, y),
                (x - s * 0.2, y - s * 2.8),
                (x, y - s * 3.3),
                (x + s * 0.2, y - s * 2.8),
            ]
            pen.polygon([*blade, (x + s * 0.2, y)], (222, 230, 240))
            pen.stroke([(x, y + s * 0.1), (x, y + s * 0.8)], s * 0.26, (96, 54, 30))
            pen.box(x - s * 0.75, y - s * 0.15, x + s * 0.75, y + s * 0.15, (246, 196, 50))
        case _:
            raise KeyError(name)


def draw_placed(pen: Pen, name: str, x: float, y: float, size: float) -> None:
    """Draws an object of height about `size` standing at (x, y); raises KeyError for an unknown name."""
    s = size
    match name:
        case "dog":
            fur = (150, 98, 50)
            for leg in (-0.38, -0.22, 0.2, 0.36):
                pen.limb([(x + leg * s, y - s * 0.35), (x + leg * s, y - s * 0.04)], s * 0.11, fur)
            pen.limb([(x - s * 0.42, y - s * 0.5), (x - s * 0.66, y - s * 0.8)], s * 0.09, fur)
            pen.ellipse(x, y - s * 0.46, s * 0.5, s * 0.2, fur)
            pen.circle(x + s * 0.5, y - s * 0.72, s * 0.22, fur)
            pen.ellipse(x + s * 0.68, y - s * 0.66, s * 0.14, s * 0.09, (200, 150, 96))
            pen.ellipse(x + s * 0.38, y - s * 0.68, s * 0.08, s * 0.17, (96, 58, 28))
            pen.dot(x + s * 0.55, y - s * 0.77, s * 0.04, INK)
        case "cat":
            fur = (96, 96, 106)
            pen.limb(
                [(x + s * 0.25, y - s * 0.1), (x + s * 0.5, y - s * 0.2), (x + s * 0.48, y - s * 0.55)],
                s * 0.08,
                fur,
            )
            pen.ellipse(x, y - s * 0.28, s * 0.27, s * 0.28, fur)
            for side in (-1, 1):
                pen.polygon(
                    [
                        (x + side * s * 0.22, y - s * 0.95),
                        (x + side * s * 0.03, y - s * 0.78),
                        (x + side * s * 0.24, y - s * 0.65),
                    ],
                    fur,
                )
            pen.circle(x, y - s * 0.64, s * 0.23, fur)
            for side in (-1, 1):
                pen.dot(x + side * s * 0.09, y - s * 0.66, s * 0.05, (250, 226, 80))
        case "lamp":
            pen.stroke([(x, y), (x, y - s * 0.95)], s * 0.07, (70, 60, 60))
            pen.ellipse(x, y, s * 0.2, s * 0.05, (70, 60, 60))
            points = [
                (x - s * 0.16, y - s * 1.25),
                (x + s * 0.16, y - s * 1.25),
                (x + s * 0.32, y - s * 0.85),
            ]
            pen.polygon([*points, (x - s * 0.32, y - s * 0.85)], (255, 224, 110))
        case "bicycle":
            for side in (-1, 1):
                pen.arc(x + side * s * 0.45, y - s * 0.32, s * 0.32, 0, 360, s * 0.07, INK)
            frame = [(x - s * 0.45, y - s * 0.32), (x - s * 0.12, y - s * 0.8), (x + s * 0.35, y - s * 0.8)]
            pen.stroke([*frame, (x, y - s * 0.32), frame[0]], s * 0.08, (200, 40, 50))
            pen.stroke(
                [(x + s * 0.45, y - s * 0.32), (x + s * 0.32, y - s * 0.98), (x + s * 0.5, y - s)],
                s * 0.07,
                (200, 40, 50),
            )
            pen.stroke([(x - s * 0.24, y - s * 0.9), (x, y - s * 0.9)], s * 0.1, INK)
        case "suitcase":
            pen.arc(x, y - s * 0.72, s * 0.16, 180, 360, s * 0.07, (70, 44, 26))
            pen.box(x - s * 0.5, y - s * 0.7, x + s * 0.5, y, (160, 84, 44))
            for strap in (-0.3, 0.3):
                pen.stroke([(x + strap * s, y - s * 0.7), (x + strap * s, y)], s * 0.08, (236, 196, 110))
        case "table":
            for leg in (-0.55, 0.55):
                pen.stroke([(x + leg * s, y), (x + leg * s, y - s * 0.6)], s * 0.1, (110, 70, 36))
            pen.box(x - s * 0.75, y - s * 0.72, x + s * 0.75, y - s * 0.56, (176, 118, 62))
        case "chair":
            wood = (30, 130, 150)
            for leg in (-0.3, 0.3):
                pen.stroke([(x + leg * s, y), (x + leg * s, y - s * 0.5)], s * 0.11, wood)
            pen.box(x - s * 0.36, y - s * 1.1, x + s * 0.36, y - s * 0.62, wood)
            pen.box(x - s * 0.42, y - s * 0.56, x + s * 0.42, y - s * 0.4, (244, 190, 70))
        case "plant":
            leaf = (40, 150, 70)
            for lean, top in ((-0.5, 0.95), (0.5, 0.95), (-0.26, 1.2), (0.26, 1.2), (0.0, 1.3)):
                pen.limb([(x, y - s * 0.4), (x + lean * s, y - top * s)], s * 0.18, leaf)
            pot = [(x - s * 0.34, y - s * 0.45), (x + s * 0.34, y - s * 0.45), (x + s * 0.24, y)]
            pen.polygon([*pot, (x - s * 0.24, y)], (206, 96, 52))
        case "clock":
            pen.box(x - s * 0.28, y - s * 1.3, x + s * 0.28, y, (112, 58, 34))
            pen.box(x - s * 0.36, y - s * 1.42, x + s * 0.36, y - s * 0.78, (112, 58, 34))
            pen.circle(x, y - s * 1.1, s * 0.27, (255, 250, 236))
            pen.stroke([(x, y - s * 1.3), (x, y - s * 1.1), (x + s * 0.14, y - s * 1.02)], s * 0.06, INK)
            pen.stroke([(x, y - s * 0.72), (x, y - s * 0.3)], s * 0.05, (246, 200, 70))
            pen.circle(x, y - s * 0.28, s * 0.13, (246, 200, 70))
        case "crate":
            left, right, top = x - s * 0.48, x + s * 0.48, y - s * 0.86
            pen.box(left, top, right, y, (224, 174, 100))
            pen.stroke([(left, top), (right, y)], s * 0.13, (150, 98, 46))
            for rail in (top, y - s * 0.14):
                pen.box(left, rail, right, rail + s * 0.14, (180, 124, 62))
        case "bird":
            for leg in (-0.06, 0.12):
                pen.stroke([(x + leg * s, y), (x + leg * s, y - s * 0.3)], s * 0.06, (240, 140, 30))
            pen.polygon(
                [(x - s * 0.2, y - s * 0.5), (x - s * 0.75, y - s * 0.5), (x - s * 0.7, y - s * 0.25)], INK
            )
            pen.ellipse(x, y - s * 0.45, s * 0.4, s * 0.26, (50, 130, 230))
            beak = [(x + s * 0.45, y - s * 0.86), (x + s * 0.78, y - s * 0.74), (x + s * 0.45, y - s * 0.66)]
            pen.polygon(beak, (250, 170, 30))
            pen.circle(x + s * 0.32, y - s * 0.76, s * 0.22, (50, 130, 230))
            pen.ellipse(x - s * 0.08, y - s * 0.46, s * 0.26, s * 0.13, (26, 76, 160))
            pen.dot(x + s * 0.38, y - s * 0.8, s * 0.05, (255, 255, 255))
        case _:
            raise KeyError(name)
