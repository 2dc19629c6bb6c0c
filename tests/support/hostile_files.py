"""Files as a hostile sender would make them, and ordinary ones with everything in them that must not come out."""

import io
import random
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import cache

import pillow_heif
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin, TiffImagePlugin

from app.documents.limits import Refusal

CANARY = "CANARY-7f3a-metadata"
START_OF_A_PAGE = b"\xff\xd8\xff\xe0\x00\x10JFIF"
"""How a converted page begins; ten bytes, so that no ciphertext has them by chance."""
PAGES = "pages"
ANY = frozenset({PAGES, *Refusal})
REFUSED = frozenset(Refusal)


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """White, with a black quarter at the upper left, so that one can see whether it is upright."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 2), fill="black")
    return image.convert(mode)


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    if name == "HEIF":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def telling_photo(name: str = "JPEG") -> bytes:
    """A photo with place, serial number, thumbnail, XMP and the text of a colour profile, all of which name the canary."""
    exif = Image.Exif()
    exif[0x010F] = exif[0x0110] = exif[0x013B] = exif[0x8298] = CANARY
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (54.0, 41.0, 12.0), 3: "E", 4: (25.0, 16.0, 48.0), 29: CANARY[:10]}
    exif[0x8769] = {0xA431: CANARY, 0x927C: CANARY.encode() * 20, 0x9286: CANARY.encode(), 0xA420: CANARY}
    options: dict[str, object] = {"exif": exif, "icc_profile": swapped_profile()}
    if name != "HEIF":
        options["xmp"] = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{CANARY}</x:xmpmeta>".encode()
    if name == "JPEG":
        options["comment"] = CANARY.encode()
    if name == "PNG":
        options.pop("xmp")
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", CANARY)
        text.add_itxt("XML:com.adobe.xmp", CANARY)
        options["pnginfo"] = text
    photo = encoded(picture(), name, **options)
    assert CANARY.encode() in photo
    return photo


@cache
def swapped_profile() -> bytes:
    """A colour profile that has green where sRGB has red, and the canary in its description."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for index in range(struct.unpack_from(">I", profile, 128)[0]):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + index * 12)
        tags[name] = (offset, size)
    (red, size), (green, _size) = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + size], profile[green : green + size] = profile[green : green + size], profile[red : red + size]
    offset, size = tags[b"desc"]
    words = (CANARY.encode("utf-16-be") + bytes(size))[: size - 28]
    profile[offset + 28 : offset + size] = words
    return bytes(profile) + CANARY.encode()


def pdf(*objects: bytes, trailer: bytes = b"", version: bytes = b"1.7") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue. Its cross-reference table is true."""
    body, offsets = b"%PDF-" + version + b"\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer\n<</Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, len(body))
    return body + table + end


def stream(content: bytes, extra: bytes = b"") -> bytes:
    return b"<</Length %d %s>>\nstream\n" % (len(content), extra) + content + b"\nendstream"


def one_page(
    content: bytes = b"", resources: bytes = b"", *more: bytes, catalogue: bytes = b"", page: bytes = b""
) -> bytes:
    """A PDF of one page; `more` are objects 5 and up."""
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R %s>>" % catalogue,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<%s>> %s>>" % (resources, page),
        stream(content),
        *more,
    )


def many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>"
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count), *[page] * count)


TEXT = b"BT /F1 12 Tf 10 50 Td (A letter) Tj ET"
FONT = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"


def encrypted_pdf() -> bytes:
    secret = b"<" + b"5a" * 32 + b">"
    trailer = b"/Encrypt<</Filter/Standard/V 1/R 2/O%s/U%s/P -4>>/ID[<00><00>]" % (secret, secret)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, trailer=trailer)


def laughing_pdf() -> bytes:
    """Forms that draw a form that draws a form: 10 to the power of 9 drawings."""
    forms = []
    for number in range(9):
        form = b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</XObject<</X %d 0 R>>>>" % (number + 6)
        forms.append(stream(b"/X Do " * 10, form))
    forms.append(stream(b"0 0 9 9 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]"))
    return one_page(b"/X Do", b"/XObject<</X 5 0 R>>", *forms)


def _png(width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _resized_jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    content = bytearray(encoded(picture(), "JPEG"))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def pictures() -> Mapping[str, tuple[bytes, frozenset[str]]]:
    """Pictures that are hostile or unusual, each with what may come of it."""
    jpeg, png, webp, heic = (encoded(picture(), name) for name in ("JPEG", "PNG", "WEBP", "HEIF"))
    only = frozenset
    wide_webp = bytearray(encoded(picture(mode="RGBA"), "WEBP", lossless=True, exif=b"Exif\0\0", icc_profile=b"x" * 8))
    wide_webp[24:30] = b"\xff\x3f\x00\xff\x3f\x00"
    scans = encoded(Image.effect_noise((200, 200), 50), "JPEG", progressive=True)
    last = scans.rindex(b"\xff\xda")
    broken_exif = encoded(picture(), "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 500)
    zip_file = b"PK\x03\x04" + CANARY.encode() + b"PK\x05\x06" + bytes(18)
    return {
        "png bomb": (_png(30000, 30000, zlib.compress(bytes(3_000_000))), only({Refusal.TOO_BIG})),
        "png with huge dimensions": (_png(2**31 - 1, 2**31 - 1, b""), only({Refusal.TOO_BIG, Refusal.DAMAGED})),
        "png without height": (_png(10, 0, b""), only({Refusal.DAMAGED})),
        "png strip": (_png(1, 100_000, zlib.compress(b"\0\xff" * 100_000)), ANY),
        "png cut off": (png[: len(png) // 2], only({Refusal.DAMAGED})),
        "png with too little in it": (_png(2000, 2000, zlib.compress(b"x")), only({Refusal.DAMAGED})),
        "png whose data go on": (_png(10, 10, zlib.compress(bytes(50_000_000), 1)), ANY),
        "png with a text bomb": (_with_text_bomb(png), ANY),
        "png with nonsense as colour": (_png(10, 10, b"", colour=9), only({Refusal.DAMAGED})),
        "png of 16 bits": (encoded(Image.new("I;16", (50, 50), 60000), "PNG"), only({PAGES})),
        "png with a palette": (encoded(picture().quantize(4), "PNG", transparency=0), only({PAGES})),
        "png grey with alpha": (encoded(picture(mode="LA"), "PNG"), only({PAGES})),
        "png that moves": (encoded(picture(), "PNG", save_all=True, append_images=[picture()] * 3), only({PAGES})),
        "jpeg cut off": (encoded(Image.effect_noise((300, 300), 60), "JPEG")[:9000], only({Refusal.DAMAGED})),
        "jpeg header alone": (jpeg[:20], only({Refusal.DAMAGED})),
        "jpeg with huge dimensions": (_resized_jpeg(65500, 65500), only({Refusal.TOO_BIG})),
        "jpeg larger than it is": (_resized_jpeg(6000, 6000), ANY),
        "jpeg and zip": (jpeg + zip_file, only({PAGES})),
        "jpeg and script": (encoded(picture(), "JPEG", comment=b"<script>" + CANARY.encode()), only({PAGES})),
        "jpeg and pdf": (jpeg + one_page(TEXT), only({PAGES})),
        "jpeg with broken exif": (broken_exif, only({PAGES})),
        "jpeg with a broken profile": (encoded(picture(), "JPEG", icc_profile=b"broken" * 50), only({PAGES})),
        "jpeg in print colours": (encoded(picture(mode="CMYK"), "JPEG"), only({PAGES})),
        "jpeg with scan after scan": (scans[:last] + scans[last:-2] * 300 + scans[-2:], ANY),
        "several jpegs": (encoded(picture(), "MPO", save_all=True, append_images=[picture()]), only({PAGES})),
        "webp cut off": (webp[: len(webp) // 2], only({Refusal.DAMAGED})),
        "webp with a huge canvas": (bytes(wide_webp), REFUSED),
        "webp that moves": (
            encoded(picture(), "WEBP", save_all=True, append_images=[picture(mode="L")]),
            only({PAGES}),
        ),
        "webp header alone": (b"RIFF\x10\0\0\0WEBPVP8 ", only({Refusal.DAMAGED})),
        "heic cut off": (heic[: len(heic) // 2], only({Refusal.DAMAGED})),
        "heic header and nonsense": (heic[:40] + bytes(range(256)) * 20, only({Refusal.DAMAGED})),
    }


def _with_text_bomb(png: bytes) -> bytes:
    content = b"Comment\0\0" + zlib.compress(bytes(40_000_000), 1)
    chunk = struct.pack(">I", len(content)) + b"zTXt" + content + struct.pack(">I", zlib.crc32(b"zTXt" + content))
    return png[:33] + chunk + png[33:]


def documents() -> Mapping[str, tuple[bytes, frozenset[str]]]:
    """PDFs that are hostile or unusual, each with what may come of it."""
    only = frozenset
    good = one_page(TEXT, FONT)
    action = b"/OpenAction<</S/%s>>"
    image = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8/Width %d/Height %d"
    loop = pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>")
    lying = pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 2000000000>>")
    draw = b"/XObject<</X 5 0 R>>"
    canary = CANARY.encode()
    tiling = b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.00001/YStep 0.00001/Resources<<>>"
    fill = b"/Pattern cs /P scn 0 0 200 100 re f"
    return {
        "pdf": (good, only({PAGES})),
        "pdf with a password": (encrypted_pdf(), only({Refusal.ENCRYPTED})),
        "pdf with a script": (
            one_page(TEXT, FONT, catalogue=action % b"JavaScript/JS(app.alert\\(1\\))"),
            only({PAGES}),
        ),
        "pdf that starts a program": (one_page(TEXT, FONT, catalogue=action % b"Launch/F(/bin/sh)"), only({PAGES})),
        "pdf that opens an address": (
            one_page(TEXT, FONT, catalogue=action % b"URI/URI(http://127.0.0.1/x)"),
            only({PAGES}),
        ),
        "pdf with a form of the other kind": (
            one_page(TEXT, FONT, stream(b"<xdp>" + canary + b"</xdp>"), catalogue=b"/AcroForm<</XFA 5 0 R/Fields[]>>"),
            only({PAGES}),
        ),
        "pdf with a file in it": (
            one_page(
                TEXT,
                FONT,
                b"<</Type/Filespec/F(x.exe)/EF<</F 6 0 R>>>>",
                stream(b"MZ" + canary),
                catalogue=b"/Names<</EmbeddedFiles<</Names[(x)5 0 R]>>>>",
            ),
            only({PAGES}),
        ),
        "pdf that reads another file": (
            one_page(b"/X Do", draw, stream(b"", image % (9, 9) + b"/F(/etc/passwd)")),
            ANY,
        ),
        "pdf with an author": (
            one_page(TEXT, FONT, b"<</Author(%s)>>" % canary, page=b"/PieceInfo 5 0 R"),
            only({PAGES}),
        ),
        "pdf of 41 pages": (many_pages(41), only({Refusal.TOO_MANY_PAGES})),
        "pdf of 40 pages": (many_pages(40), only({PAGES})),
        "pdf that claims pages": (lying, REFUSED),
        "pdf without pages": (pdf(b"<</Type/Catalog>>"), REFUSED),
        "pdf whose pages are a loop": (loop, ANY),
        "pdf cut off": (good[: len(good) // 2], ANY),
        "pdf header alone": (b"%PDF-1.7\n", only({Refusal.DAMAGED})),
        "pdf with a wrong table": (good.replace(b"startxref\n", b"startxref\n9"), ANY),
        "pdf with a table in a loop": (good.replace(b"/Root", b"/Prev %d/Root" % good.index(b"xref\n0")), ANY),
        "pdf nested deeply": (one_page(TEXT, FONT, b"[" * 100_000 + b"]" * 100_000, catalogue=b"/X 5 0 R"), ANY),
        "pdf with nested drawing": (one_page(b"q " * 200_000 + b"Q " * 200_000), ANY),
        "pdf bomb": (
            one_page(
                b"/X Do", draw, stream(zlib.compress(bytes(60_000_000), 9), image % (99, 99) + b"/Filter/FlateDecode")
            ),
            ANY,
        ),
        "pdf bomb in a bomb": (
            one_page(
                b"/X Do",
                draw,
                stream(
                    zlib.compress(zlib.compress(bytes(60_000_000), 9), 9),
                    image % (99, 99) + b"/Filter[/FlateDecode/FlateDecode]",
                ),
            ),
            ANY,
        ),
        "pdf with a huge picture": (one_page(b"/X Do", draw, stream(b"x", image % (1_000_000, 1_000_000))), ANY),
        "pdf with forms in forms": (laughing_pdf(), ANY),
        "pdf with a fine pattern": (one_page(fill, b"/Pattern<</P 5 0 R>>", stream(b"0 0 1 1 re f", tiling)), ANY),
        "pdf on a huge sheet": (good.replace(b"0 0 200 100", b"0 0 9999999999 9999999999"), ANY),
        "pdf on a long sheet": (good.replace(b"0 0 200 100", b"0 0 14400 1"), ANY),
        "pdf on no sheet": (good.replace(b"0 0 200 100", b"0 0 0 0"), ANY),
        "pdf on a sheet of nonsense": (good.replace(b"0 0 200 100", b"x y nan -1e99"), ANY),
        "pdf after other bytes": (b"\n" * 500 + good, ANY),
        "pdf and page": (b"<html><script>x</script>" + good, ANY),
        "pdf and zip": (good + b"PK\x03\x04" + canary, only({PAGES})),
        "pdf in a gif": (b"GIF89a" + good, ANY),
        "pdf with a broken font": (
            one_page(
                TEXT,
                b"/Font<</F1<</Type/Font/Subtype/TrueType/BaseFont/X/FontDescriptor<</FontFile2 5 0 R>>>>>>",
                stream(b"\0\1\0\0" + b"\xff" * 3000),
            ),
            ANY,
        ),
        **{
            f"pdf with a broken {name}": (
                one_page(
                    b"/X Do",
                    draw,
                    stream(b"\xff\x4f\xff\x51" + bytes(range(256)) * 4, image % (50, 50) + b"/Filter/" + name.encode()),
                ),
                ANY,
            )
            for name in ("JBIG2Decode", "JPXDecode", "DCTDecode", "CCITTFaxDecode", "LZWDecode")
        },
    }


def neither() -> Mapping[str, tuple[bytes, frozenset[str]]]:
    """Everything that is neither a photo nor a PDF, by its first bytes."""
    tiff = encoded(picture(), "TIFF")
    assert TiffImagePlugin.PREFIXES
    contents = {
        "nothing": b"",
        "one byte": b"\xff",
        "gif": encoded(picture(), "GIF"),
        "tiff": tiff,
        "bmp": encoded(picture(), "BMP"),
        "icon": encoded(picture(), "ICO"),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99),
        "avif": b"\0\0\0\x20ftypavif" + bytes(99),
        "film": b"\0\0\0\x20ftypisom" + bytes(99),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "svg with an entity": b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "web page": b"<!doctype html><script>alert(1)</script>",
        "zip": b"PK\x03\x04" + bytes(99),
        "gzip": b"\x1f\x8b\x08" + bytes(99),
        "rar": b"Rar!\x1a\x07\x01\x00" + bytes(99),
        "windows program": b"MZ" + bytes(300),
        "linux program": b"\x7fELF" + bytes(300),
        "shell script": b"#!/bin/sh\nid\n",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "old office file": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(99),
        "rich text": b"{\\rtf1 x}",
        "photoshop": b"8BPS" + bytes(99),
        "text": "Привет".encode(),
    }
    return {name: (content, frozenset({Refusal.NOT_ACCEPTED})) for name, content in contents.items()}


def fuzzed(count: int, seed: int = 15) -> Iterator[bytes]:
    """Good files with some of their bytes changed, cut out or doubled; the same ones each time."""
    chance = random.Random(seed)
    seeds = [
        *(telling_photo(name) for name in ("JPEG", "PNG", "WEBP", "HEIF")),
        encoded(picture(), "JPEG", progressive=True),
        one_page(TEXT, FONT),
        one_page(
            b"/X Do",
            b"/XObject<</X 5 0 R>>",
            stream(
                encoded(picture(), "JPEG"),
                b"/Type/XObject/Subtype/Image/Width 60/Height 40/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
            ),
        ),
    ]
    for number in range(count):
        content = bytearray(seeds[number % len(seeds)])
        for _change in range(chance.randint(1, 12)):
            at = chance.randrange(len(content))
            kind = chance.randrange(4)
            if kind == 0:
                content[at] = chance.randrange(256)
            elif kind == 1:
                content[at : at + 4] = chance.choice(
                    (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0")
                )
            elif kind == 2:
                del content[at : at + chance.randrange(1, 40)]
            else:
                content[at:at] = content[at : at + chance.randrange(1, 40)]
            if not content:
                content = bytearray(b"\0")
        yield bytes(content)
