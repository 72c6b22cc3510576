"""Figures: large heads, flat clothes, poses that read at a glance."""

import math
from dataclasses import dataclass
from typing import Final

from reelmill_starter.drawing.objects import draw_held
from reelmill_starter.drawing.pen import INK, Colour, Pen, Point, mix
from reelmill_world import Figure

GARMENT_COLOURS: Final[dict[str, Colour]] = {
    "red": (214, 40, 40),
    "orange": (243, 134, 36),
    "yellow": (246, 210, 50),
    "green": (46, 158, 72),
    "blue": (44, 98, 212),
    "purple": (128, 62, 178),
    "pink": (244, 140, 186),
    "brown": (122, 78, 44),
    "white": (240, 240, 240),
    "black": (42, 42, 48),
}
_HAIR: Final[dict[str, Colour]] = {
    "black": (30, 26, 30),
    "brown": (104, 64, 34),
    "blond": (236, 200, 100),
    "red": (196, 78, 28),
    "grey": (168, 168, 174),
}
# Skin follows hair, so that a character looks the same in every frame without one more word in its caption.
_SKIN: Final[dict[str, Colour]] = {
    "black": (176, 120, 84),
    "brown": (226, 178, 140),
    "blond": (248, 212, 182),
    "red": (250, 216, 190),
    "grey": (236, 196, 164),
}
_SUN: Final[Colour] = (255, 214, 30)
_TEAR: Final[Colour] = (60, 150, 250)
_TROUSERS: Final[Colour] = (64, 70, 92)
_SHOES: Final[Colour] = (48, 36, 32)
_HEIGHT: Final = {"man": 1.0, "woman": 0.96, "boy": 0.78, "girl": 0.76}
_WIDTH: Final = {"slim": 0.78, "average": 1.0, "heavy": 1.4}


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where the joints are, in figure heights: x to the right of the middle, y above the ground."""

    hip: float
    feet: tuple[Point, Point]
    knees: tuple[Point, Point]
    hands: tuple[Point, Point]
    elbows: tuple[Point, Point]


_LEGS_STRAIGHT = {"feet": ((-0.07, 0.02), (0.07, 0.02)), "knees": ((-0.07, 0.18), (0.07, 0.18))}
_ARMS_DOWN = {"hands": ((-0.20, 0.36), (0.20, 0.36)), "elbows": ((-0.19, 0.48), (0.19, 0.48))}
_POSES: Final[dict[str, _Pose]] = {
    "stand": _Pose(hip=0.36, **_LEGS_STRAIGHT, **_ARMS_DOWN),
    "talk": _Pose(
        hip=0.36, **_LEGS_STRAIGHT, hands=((-0.20, 0.36), (0.30, 0.62)), elbows=((-0.19, 0.48), (0.22, 0.47))
    ),
    "look": _Pose(
        hip=0.36, **_LEGS_STRAIGHT, hands=((-0.20, 0.36), (0.15, 0.86)), elbows=((-0.19, 0.48), (0.29, 0.70))
    ),
    "hold": _Pose(
        hip=0.36, **_LEGS_STRAIGHT, hands=((-0.04, 0.44), (0.20, 0.50)), elbows=((-0.18, 0.46), (0.22, 0.45))
    ),
    "walk": _Pose(
        hip=0.36,
        feet=((-0.21, 0.05), (0.22, 0.02)),
        knees=((-0.09, 0.20), (0.14, 0.20)),
        hands=((-0.32, 0.44), (0.30, 0.56)),
        elbows=((-0.23, 0.54), (0.24, 0.48)),
    ),
    "sit": _Pose(
        hip=0.20,
        feet=((-0.15, 0.02), (0.15, 0.02)),
        knees=((-0.15, 0.20), (0.15, 0.20)),
        hands=((-0.14, 0.25), (0.14, 0.25)),
        elbows=((-0.20, 0.34), (0.20, 0.34)),
    ),
    "squat": _Pose(
        hip=0.10,
        feet=((-0.13, 0.02), (0.13, 0.02)),
        knees=((-0.25, 0.21), (0.25, 0.21)),
        hands=((-0.08, 0.15), (0.08, 0.15)),
        elbows=((-0.21, 0.25), (0.21, 0.25)),
    ),
    "hug": _Pose(
        hip=0.36, **_LEGS_STRAIGHT, hands=((0.26, 0.54), (0.30, 0.44)), elbows=((-0.02, 0.50), (0.20, 0.44))
    ),
}


def draw_figure(pen: Pen, figure: Figure, x: float, ground: float, height: float, facing: int) -> None:
    """Draws `figure` at (`x`, `ground`), `height` tall if it were a man; `facing` is -1 left, 1 right."""
    _Body(pen, figure, x, ground, height, facing).draw()


class _Body:
    def __init__(self, pen: Pen, figure: Figure, x: float, ground: float, height: float, facing: int) -> None:
        look = figure.appearance
        self.pen, self.figure, self.look = pen, figure, look
        self.x, self.ground, self.facing = x, ground, facing
        self.height = height * _HEIGHT[look.kind]
        self.wide = _WIDTH[look.build]
        self.pose = _POSES[figure.verb]
        self.cloth = GARMENT_COLOURS[look.colour]
        self.skin = _SKIN[look.hair]
        self.hair = _HAIR[look.hair]
        self.child = look.kind in ("boy", "girl")
        self.head_radius = 0.155 if self.child else 0.13
        self.shoulder = self.pose.hip + 0.33
        self.head = self.shoulder + 0.045 + self.head_radius

    def at(self, x: float, y: float) -> Point:
        return self.x + x * self.height * self.facing, self.ground - y * self.height

    def size(self, value: float) -> float:
        return value * self.height

    def draw(self) -> None:
        if self.figure.verb == "sit":
            self._stool()
        if self.look.kind in ("woman", "girl"):
            self._long_hair()
        self._legs()
        self._arm(0)
        self._torso()
        self._arm(1)
        self._head()
        if self.figure.held is not None:
            hand = self.at(0.12, 0.49)
            draw_held(self.pen, self.figure.held, hand[0], hand[1], self.size(0.15))
        if self.figure.verb == "talk":
            self._speech()
        self._mood_mark()

    def _stool(self) -> None:
        left, top = self.at(-0.24 * self.facing, 0.2)
        right, bottom = self.at(0.24 * self.facing, 0.0)
        self.pen.box(left, top, right, bottom, (150, 100, 54))

    def _legs(self) -> None:
        bare = self.look.garment == "dress"
        colour = self.skin if bare else self.cloth if self.look.garment == "suit" else _TROUSERS
        colour = mix(colour, (0, 0, 0), 0.25) if self.look.garment == "suit" else colour
        for index, side in enumerate((-1, 1)):
            knee, foot = self.pose.knees[index], self.pose.feet[index]
            path = [self.at(0.06 * side * self.wide, self.pose.hip), self.at(*knee), self.at(*foot)]
            self.pen.limb(path, self.size(0.085), colour)
            shoe_x, shoe_y = self.at(foot[0] + 0.025, foot[1])
            self.pen.ellipse(shoe_x, shoe_y, self.size(0.065), self.size(0.032), _SHOES)

    def _arm(self, index: int) -> None:
        side = -1 if index == 0 else 1
        elbow, hand = self.pose.elbows[index], self.pose.hands[index]
        reach = (self.wide - 1) * 0.1 * side
        shoulder = self.at(0.12 * self.wide * side, self.shoulder - 0.045)
        sleeve = mix(self.cloth, (0, 0, 0), 0.12)
        path = [shoulder, self.at(elbow[0] + reach, elbow[1]), self.at(*hand)]
        self.pen.limb(path, self.size(0.085), sleeve)
        x, y = self.at(*hand)
        self.pen.circle(x, y, self.size(0.045), self.skin)

    def _torso(self) -> None:
        top, hip, wide = self.shoulder, self.pose.hip, self.wide
        lower = {"coat": 0.16, "dress": 0.20}.get(self.look.garment, 0.03)
        flare = {"coat": 0.19, "dress": 0.27}.get(self.look.garment, 0.145) * (0.35 + 0.65 * wide)
        hem = max(0.06, hip - lower)
        waist = 0.115 if self.look.garment == "dress" else 0.14
        half = [(0.06, top + 0.02), (0.145 * wide, top - 0.03), (waist * wide, (top + hip) / 2), (flare, hem)]
        outline = [self.at(x, y) for x, y in half] + [self.at(-x, y) for x, y in reversed(half)]
        self.pen.polygon(outline, self.cloth)
        dark = mix(self.cloth, (0, 0, 0), 0.4)
        if self.look.garment == "coat":
            self.pen.stroke([self.at(0, top), self.at(0, hem)], self.size(0.016), dark)
            for share in (0.3, 0.5, 0.7):
                x, y = self.at(0.045, top + (hem - top) * share)
                self.pen.dot(x, y, self.size(0.016), mix(self.cloth, (255, 240, 170), 0.75))
        elif self.look.garment == "suit":
            points = [self.at(-0.07, top + 0.01), self.at(0.07, top + 0.01), self.at(0, top - 0.2)]
            self.pen.polygon(points, (245, 245, 245))
            self.pen.stroke([self.at(0, top), self.at(0, top - 0.16)], self.size(0.03), (150, 30, 40))
        elif self.look.garment == "sweater":
            middle = (top + hip) / 2
            for y in (middle + 0.02, middle - 0.06):
                path = [self.at(-0.125 * wide, y), self.at(0.125 * wide, y)]
                self.pen.stroke(path, self.size(0.03), mix(self.cloth, (255, 255, 255), 0.55))

    def _long_hair(self) -> None:
        radius = self.head_radius
        if self.look.kind == "woman":
            left, top = self.at(-radius * 1.12 * self.facing, self.head)
            right, bottom = self.at(radius * 1.12 * self.facing, self.head - radius * 1.9)
            self.pen.box(left, top, right, bottom, self.hair)
        else:
            for side in (-1, 1):
                x, y = self.at(side * radius * 1.3, self.head - radius * 0.25)
                self.pen.ellipse(x, y, self.size(radius * 0.4), self.size(radius * 0.62), self.hair)

    def _head(self) -> None:
        radius = self.head_radius
        x, y = self.at(0, self.head)
        self.pen.circle(x, y, self.size(radius * 1.06), self.hair)
        face_x, face_y = self.at(0, self.head - radius * 0.2)
        self.pen.ellipse(face_x, face_y, self.size(radius * 0.86), self.size(radius * 0.82), self.skin)
        self._face(face_x, face_y, self.size(radius))

    def _face(self, x: float, y: float, radius: float) -> None:
        pen, mood = self.pen, self.figure.mood
        gaze = {"look": 0.14, "talk": 0.06}.get(self.figure.verb, 0.03) * self.facing
        wide_eyed = mood in ("surprised", "afraid")
        for side in (-1, 1):
            eye_x, eye_y = x + (side * 0.34 + gaze) * radius, y - 0.1 * radius
            if wide_eyed:
                pen.dot(eye_x, eye_y, radius * 0.22, (255, 255, 255))
            pen.dot(eye_x, eye_y, radius * 0.12, INK)
            tilt = {"angry": 0.16, "sad": -0.14, "afraid": -0.18}.get(mood, 0.0) * radius
            if tilt or mood == "surprised":
                brow_y = eye_y - radius * (0.42 if wide_eyed else 0.3)
                path = [
                    (eye_x - side * radius * 0.2, brow_y + tilt),
                    (eye_x + side * radius * 0.2, brow_y - tilt),
                ]
                pen.stroke(path, radius * 0.1, INK)
        mouth_y = y + 0.38 * radius
        if self.figure.verb == "talk" or mood in ("surprised", "afraid"):
            pen.dot(x + gaze * radius, mouth_y, radius * (0.2 if mood != "afraid" else 0.15), (120, 24, 30))
        elif mood == "happy":
            pen.arc(x, mouth_y - radius * 0.3, radius * 0.42, 20, 160, radius * 0.13, (150, 30, 36))
        elif mood in ("sad", "angry"):
            pen.arc(x, mouth_y + radius * 0.3, radius * 0.36, 210, 330, radius * 0.12, (110, 30, 36))
        else:
            pen.stroke(
                [(x - radius * 0.2, mouth_y), (x + radius * 0.2, mouth_y)], radius * 0.1, (140, 50, 50)
            )

    def _mood_mark(self) -> None:
        """A comic's sign of the mood on the other side of the head than speech: faces are small."""
        x, y = self.at(-0.24, self.head + 0.05)
        size = self.size(0.07)
        x, y = min(max(x, 0.08), 0.92), max(y, 0.1)
        pen = self.pen
        match self.figure.mood:
            case "happy":
                for step in range(8):
                    dx, dy = math.cos(step * math.pi / 4) * size, math.sin(step * math.pi / 4) * size
                    pen.stroke(
                        [(x + 0.6 * dx, y + 0.6 * dy), (x + 1.25 * dx, y + 1.25 * dy)], size * 0.3, _SUN
                    )
                pen.dot(x, y, size * 0.55, _SUN)
            case "sad":
                for dx, dy in ((-0.45, -0.5), (0.45, 0.5)):
                    drop = [(x + (dx - 0.42) * size, y + dy * size), (x + dx * size, y + (dy - 1.1) * size)]
                    pen.polygon([*drop, (x + (dx + 0.42) * size, y + dy * size)], _TEAR)
                    pen.dot(x + dx * size, y + (dy + 0.1) * size, size * 0.45, _TEAR)
            case "angry":
                bolt = [
                    (-0.2, -1.2),
                    (0.7, -1.2),
                    (0.25, -0.3),
                    (0.8, -0.3),
                    (-0.5, 1.3),
                    (-0.1, 0.1),
                    (-0.7, 0.1),
                ]
                pen.polygon([(x + dx * size, y + dy * size) for dx, dy in bolt], (232, 24, 24))
            case "surprised":
                pen.box(x - 0.28 * size, y - 1.3 * size, x + 0.28 * size, y + 0.35 * size, (255, 150, 0))
                pen.dot(x, y + 0.95 * size, size * 0.36, (255, 150, 0))
            case "afraid":
                for dy in (-0.8, 0.0, 0.8):
                    wave = [(-1.0, 0.3), (-0.4, -0.3), (0.2, 0.3), (0.8, -0.3)]
                    path = [(x + dx * size, y + (dy + lift) * size) for dx, lift in wave]
                    pen.stroke(path, size * 0.34, (150, 60, 220))

    def _speech(self) -> None:
        x, y = self.at(0.27, self.head + 0.08)
        width, height = self.size(0.14), self.size(0.085)
        tail = self.at(0.13, self.head - 0.04)
        self.pen.polygon([(x - width * 0.5, y), (x, y + height * 0.7), tail], (255, 255, 255))
        self.pen.ellipse(x, y, width, height, (255, 255, 255))
        for step in (-1, 0, 1):
            self.pen.dot(x + step * width * 0.42, y, width * 0.11, INK)


def figure_places(sides: tuple[str, ...], verb: str, closeness: float) -> tuple[float, ...]:
    """Where the figures' middles are, 0..1; `closeness` widens the gap for large figures."""
    if verb == "hug":
        gap = 0.125 * closeness
        return 0.5 - gap, 0.5 + gap
    spread = min(0.25, 0.21 + 0.04 * math.sqrt(closeness))
    return tuple({"left": 0.5 - spread, "centre": 0.5, "right": 0.5 + spread}[side] for side in sides)
