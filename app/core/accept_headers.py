"""`Accept` and `Accept-Language` as programs write them: what is not quite RFC 9110 and plainly meant."""

import re


def tidied(header: str) -> str:
    """The header without spaces around a weight, with the 0 that some leave out (`q=.2`), and `*` as `*/*` beside media types.

    Java's own client sends `text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2`.
    """
    text = re.sub(r"\s*=\s*(\.\d)?", lambda found: f"=0{found[1]}" if found[1] else "=", header)
    return re.sub(r"(?:(?<=,)|^)\s*\*(?=\s*(?:[;,]|$))", "*/*", text) if "/" in text else text
