"""What becomes of damaged, too large and unsupported images, which are drawn here."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from blanktrap.core.config import DecodeLimits
from blanktrap.core.errors import DecodeError
from blanktrap.core.vocabulary import Status
from tests.vision.encoded_images import Scene, decode, difference, encode, first_scan, status_of


class TestDamage:
    def test_empty(self) -> None:
        assert status_of(b"") == (Status.UNREADABLE, "empty: 0 bytes")

    @pytest.mark.parametrize(
        "data", [b"\x00" * 5000, b"<!DOCTYPE html><html>", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"x"]
    )
    def test_no_image(self, data: bytes) -> None:
        assert status_of(data)[0] is Status.UNREADABLE

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    @pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
    def test_truncated(self, scene: Scene, kind: str, share: float) -> None:
        data = encode(scene(), kind)
        status, reason = status_of(data[: int(share * len(data))])
        assert status is Status.UNREADABLE
        assert "truncated" in reason or "damaged" in reason

    @pytest.mark.parametrize(
        "options", [{}, {"optimize": True}, {"restart_marker_rows": 2}, {"subsampling": 0}]
    )
    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
    @pytest.mark.parametrize("filling", ["nothing", "zeros", "ones"])
    def test_half_grey_that_pretends_to_end_is_unreadable(
        self, scene: Scene, options: dict[str, object], share: float, filling: str
    ) -> None:
        # libjpeg fills the missing rest with grey at an end marker, and Pillow says nothing.
        data = encode(scene(640, 480), **options)
        start = first_scan(data) + 20
        cut = start + int(share * (len(data) - start))
        missing = len(data) - cut - 2
        tail = {"nothing": b"", "zeros": bytes(missing), "ones": b"\xff" * missing}[filling]
        damaged = data[:cut] + tail + b"\xff\xd9"
        Image.open(io.BytesIO(damaged)).load()  # Pillow alone would take it
        assert status_of(damaged)[0] is Status.UNREADABLE

    def test_a_lost_sector_is_unreadable(self, scene: Scene) -> None:
        data = encode(scene(640, 480))
        middle = len(data) // 2
        damaged = data[:middle] + bytes(4096) + data[middle + 4096 :]
        assert "zeros" in status_of(damaged)[1]

    def test_zeros_to_the_end_are_unreadable(self, scene: Scene) -> None:
        data = encode(scene(640, 480))
        assert status_of(data[: len(data) // 2] + bytes(200_000))[0] is Status.UNREADABLE

    @pytest.mark.parametrize("num_scans", [1, 2, 4, 6])
    def test_progressive_without_its_last_scans_is_unreadable(self, scene: Scene, num_scans: int) -> None:
        data = encode(scene(640, 480), progressive=True)
        at = -1
        for _ in range(num_scans + 1):
            at = data.index(b"\xff\xda\x00", at + 1)
        assert "scans" in status_of(data[: at - 40] + b"\xff\xd9")[1]

    def test_whole_files_are_never_called_damaged(self, scene: Scene) -> None:
        grey = Image.new("RGB", (640, 480), (128, 128, 128))
        black = Image.new("RGB", (640, 480))
        for image in (scene(640, 480), grey, black, scene(640, 480).convert("L"), scene(17, 13)):
            for options in ({}, {"optimize": True}, {"progressive": True}, {"restart_marker_rows": 1}):
                assert decode(encode(image, **options)).width_px == image.width

    def test_a_half_grey_scene_that_was_so_is_decoded(self, scene: Scene) -> None:
        image = scene(640, 480)
        image.paste((128, 128, 128), (0, 200, 640, 480))
        assert (decode(encode(image)).pixels[-1] == 128).all()

    def test_garbage_after_the_end_is_fine(self, scene: Scene) -> None:
        data = encode(scene())
        for tail in (b"\x00" * 9999, b"garbage" * 99, data):
            assert (decode(data + tail).pixels == decode(data).pixels).all()

    def test_a_missing_end_marker_is_fine(self, scene: Scene) -> None:
        data = encode(scene())
        assert (decode(data[:-2]).pixels == decode(data).pixels).all()

    def test_mpo_gives_its_first_picture(self, scene: Scene) -> None:
        sink = io.BytesIO()
        scene().save(sink, "MPO", save_all=True, append_images=[scene(seed=1)], quality=90)
        assert difference(decode(sink.getvalue()).pixels, decode(encode(scene())).pixels).max() <= 1

    def test_truncation_is_found_whatever_other_libraries_allow(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        data = encode(scene())
        assert status_of(data[: len(data) // 2])[0] is Status.UNREADABLE

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_any_damage_gives_a_picture_or_a_status(self, data: st.DataObject) -> None:
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
        kind = data.draw(st.sampled_from(["JPEG", "PNG", "TIFF", "WEBP"]))
        exif = Image.Exif()
        exif[0x0112] = 6
        encoded = bytearray(encode(image, kind, exif=exif))
        for _ in range(data.draw(st.integers(1, 4))):
            # Headers are short: most damage should hit them.
            at = data.draw(st.one_of(st.integers(0, 200), st.integers(0, len(encoded) - 1)))
            encoded[min(at, len(encoded) - 1)] = data.draw(st.integers(0, 255))
        limits = DecodeLimits(max_pixels=1_000_000)
        try:
            assert decode(bytes(encoded), limits=limits).pixels.shape == (48, 64, 3)
        except DecodeError as problem:
            status, reason = Status(problem.status), str(problem)
        else:
            return
        assert status is not Status.OK
        assert "\n" not in reason


class TestLimits:
    def bomb_png(self) -> bytes:
        """A PNG that declares 60,000 by 60,000 pixels in 90 bytes."""
        header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

        def chunk(kind: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + chunks

    def test_a_bomb_is_too_large_before_any_decoding(self) -> None:
        status, reason = status_of(self.bomb_png())
        assert status is Status.TOO_LARGE
        assert "60,000 by 60,000" in reason

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_the_limit_is_the_callers(self, kind: str) -> None:
        data = encode(Image.new("RGB", (100, 80)), kind)
        assert decode(data, limits=DecodeLimits(max_pixels=8000)).width_px == 100
        assert status_of(data, DecodeLimits(max_pixels=7999))[0] is Status.TOO_LARGE

    @pytest.mark.parametrize("lossless", [True, False])
    def test_webp_headers_are_read_rightly(self, lossless: bool) -> None:
        data = encode(Image.new("RGB", (301, 77)), "WEBP", lossless=lossless)
        assert "301 by 77" in status_of(data, DecodeLimits(max_pixels=100))[1]

    def test_a_limit_above_pillows_own_is_obeyed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        assert decode(encode(Image.new("RGB", (100, 80)))).width_px == 100

    def test_many_bytes_are_too_large(self) -> None:
        data = encode(Image.new("RGB", (100, 80)))
        status, reason = status_of(data, DecodeLimits(max_bytes=len(data) - 1))
        assert status is Status.TOO_LARGE
        assert f"{len(data) - 1:,}" in reason


class TestUnsupported:
    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
    def test_animated_and_multi_page_files(self, scene: Scene, kind: str) -> None:
        data = encode(scene(), kind, save_all=True, append_images=[scene(seed=1)])
        status, reason = status_of(data)
        assert status is Status.UNSUPPORTED
        assert "animated" in reason

    @pytest.mark.parametrize(
        ("data", "name"),
        [
            (encode(Image.new("P", (8, 8)), "GIF"), "GIF"),
            (encode(Image.new("RGB", (8, 8)), "BMP"), "BMP"),
            (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC"),
            (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "video"),
            (b"RIFF\x00\x00\x00\x00AVI LIST", "AVI"),
            (b"%PDF-1.7", "PDF"),
        ],
    )
    def test_other_formats_are_named(self, data: bytes, name: str) -> None:
        status, reason = status_of(data)
        assert status is Status.UNSUPPORTED
        assert name in reason
