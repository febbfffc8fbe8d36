"""A wall almanac of the moon, drawn as a PDF of one page: every night of a year, and each new and full moon."""

import zlib
from calendar import month_name, monthrange
from datetime import UTC, date, datetime

from gateway.demo.moon import FULL, NEW, elongation, lit_fraction, phases

# A4 landscape, in points.
WIDTH, HEIGHT = 842.0, 595.0
LEFT, TOP = 111.0, 484.0
COLUMN, ROW = 22.0, 31.2
RADIUS = 7.6
# Four Bézier curves with this handle draw a circle.
HANDLE = 0.5523
SUBTITLE = "each night at midnight, all times UTC, as the northern half of the earth sees it"
SERIF, ITALIC, SANS, BOLD = "F1", "F2", "F3", "F4"
_FONTS = {SERIF: "Times-Roman", ITALIC: "Times-Italic", SANS: "Helvetica", BOLD: "Helvetica-Bold"}
_INK, _QUIET, _NIGHT = "0.12 0.10 0.09 rg", "0.45 0.41 0.37 rg", "0.17 0.15 0.20 rg"
_SUNDAY = 6


def draw_almanac(year: int) -> bytes:
    """The PDF."""
    marks = [_text(52, 538, 30, SERIF, f"The moon in {year}", _INK), _text(52, 518, 9.5, ITALIC, SUBTITLE, _QUIET)]
    for month in range(1, 13):
        y = TOP - (month - 1) * ROW
        marks.append(_text(52, y - 4, 12, ITALIC, month_name[month], _INK))
        for day in range(1, monthrange(year, month)[1] + 1):
            x = LEFT + (day - 1) * COLUMN + COLUMN / 2
            marks.append(_moon(x, y, datetime(year, month, day, tzinfo=UTC)))
            font, colour = (BOLD, _INK) if date(year, month, day).weekday() == _SUNDAY else (SANS, _QUIET)
            marks.append(_centred(x, y - 15.6, 5.2, font, str(day), colour))
    marks.append(_line_of("New", phases_text(year, NEW), 74))
    marks.append(_line_of("Full", phases_text(year, FULL), 58))
    return _pdf("\n".join(marks), title=f"The moon in {year}")


def phases_text(year: int, target: float) -> str:
    """The instants of a phase as `7 Jan 20:24`, in a row."""
    return "   ".join(f"{at.day} {month_name[at.month][:3]} {at:%H:%M}" for at in phases(year, target))


def _moon(x: float, y: float, night: datetime) -> str:
    """A disc whose dark part is filled; waxing is lit on the right."""
    lit, side = lit_fraction(night), -1 if elongation(night) < FULL else 1
    bulge = -side * RADIUS * (1 - 2 * lit)
    h = RADIUS * HANDLE
    dark = (
        f"{_NIGHT} {_at(x, y + RADIUS)} m "
        + _curve((x + side * h, y + RADIUS), (x + side * RADIUS, y + h), (x + side * RADIUS, y))
        + _curve((x + side * RADIUS, y - h), (x + side * h, y - RADIUS), (x, y - RADIUS))
        + _curve((x + bulge * HANDLE, y - RADIUS), (x + bulge, y - h), (x + bulge, y))
        + _curve((x + bulge, y + h), (x + bulge * HANDLE, y + RADIUS), (x, y + RADIUS))
        + "f"
    )
    return f"{dark}\n{_circle(x, y)}"


def _circle(x: float, y: float) -> str:
    r, h = RADIUS, RADIUS * HANDLE
    return (
        f"0.35 w 0.35 0.32 0.30 RG {_at(x, y + r)} m "
        + _curve((x + h, y + r), (x + r, y + h), (x + r, y))
        + _curve((x + r, y - h), (x + h, y - r), (x, y - r))
        + _curve((x - h, y - r), (x - r, y - h), (x - r, y))
        + _curve((x - r, y + h), (x - h, y + r), (x, y + r))
        + "s"
    )


def _curve(*points: tuple[float, float]) -> str:
    return " ".join(_at(x, y) for x, y in points) + " c "


def _at(x: float, y: float) -> str:
    return f"{x:.2f} {y:.2f}"


def _line_of(name: str, text: str, y: float) -> str:
    return _text(52, y, 7.5, BOLD, name, _INK) + "\n" + _text(78, y, 7.5, SANS, text, _QUIET)


def _text(x: float, y: float, size: float, font: str, text: str, colour: str) -> str:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT {colour} /{font} {size} Tf {_at(x, y)} Td ({escaped}) Tj ET"


def _centred(x: float, y: float, size: float, font: str, digits: str, colour: str) -> str:
    # Every digit of Helvetica is 0.556 em wide.
    return _text(x - len(digits) * size * 0.278, y, size, font, digits, colour)


def _pdf(marks: str, *, title: str) -> bytes:
    stream = zlib.compress(marks.encode("cp1252"), 9)
    fonts = " ".join(f"/{name} {number} 0 R" for number, name in enumerate(_FONTS, start=6))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents 4 0 R "
        f"/Resources << /Font << {fonts} >> >> >>".encode(),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream),
        f"<< /Title ({title}) >>".encode(),
        *(
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding /WinAnsiEncoding >>".encode()
            for base in _FONTS.values()
        ),
    ]
    body, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"trailer << /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(body)
