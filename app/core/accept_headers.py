"""`Accept` and `Accept-Language` as programs write them: small deviations from RFC 9110 whose meaning is plain."""

import re


def tidied(header: str) -> str:
    """The header without spaces around a weight, `q=.2` written as `q=0.2`, and `*` among media types as `*/*`.

    Java's own client sends `text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2`.
    """
    text = re.sub(r"\s*=\s*(\.\d)?", lambda found: f"=0{found[1]}" if found[1] else "=", header)
    return re.sub(r"(?:(?<=,)|^)\s*\*(?=\s*(?:[;,]|$))", "*/*", text) if "/" in text else text
