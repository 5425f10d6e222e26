"""RC2 in CBC mode, decryption only (RFC 2268): OpenSSL before 3 encrypts the certificates of a PFX with it.

Its keys have 40 bits there, for which cryptography has no RC2.
"""

from __future__ import annotations

_PI = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32"
    "bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a"
    "961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e"
    "c5f3db47e5a59c770aa62068fe7fc1ad"
)
_MASK = 0xFFFF


def decrypt_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """The plain text with its padding; `key` is as long as its effective bits, blocks have 8 bytes."""
    words = _expanded(key)
    plain = bytearray()
    for at in range(0, len(data), 8):
        block = data[at : at + 8]
        plain += bytes(a ^ b for a, b in zip(_block(words, block), iv, strict=True))
        iv = block
    return bytes(plain)


def _expanded(key: bytes) -> list[int]:
    """RFC 2268 2: the 64 words of the key."""
    size = len(key)
    table = bytearray(key.ljust(128, b"\0"))
    for at in range(size, 128):
        table[at] = _PI[(table[at - 1] + table[at - size]) & 0xFF]
    table[128 - size] = _PI[table[128 - size]]
    for at in range(127 - size, -1, -1):
        table[at] = _PI[table[at + 1] ^ table[at + size]]
    return [int.from_bytes(table[at : at + 2], "little") for at in range(0, 128, 2)]


def _block(words: list[int], block: bytes) -> bytes:
    """RFC 2268 4.3: 16 rounds backwards, after the fifth and the eleventh of which the words are mashed."""
    r = [int.from_bytes(block[at : at + 2], "little") for at in range(0, 8, 2)]
    for turn in range(15, -1, -1):
        for i, shift in ((3, 5), (2, 3), (1, 2), (0, 1)):
            rotated = (r[i] >> shift | r[i] << 16 - shift) & _MASK
            one, two, three = r[i - 1], r[i - 2], r[i - 3]
            r[i] = rotated - words[4 * turn + i] - (one & two) - (~one & three) & _MASK
        if turn in (11, 5):
            for i in (3, 2, 1, 0):
                r[i] = r[i] - words[r[i - 1] & 63] & _MASK
    return b"".join(word.to_bytes(2, "little") for word in r)
