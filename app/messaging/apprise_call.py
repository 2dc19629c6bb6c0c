"""Sends one notice with Apprise. Run as a program of its own, without our packages, environment or arguments.

It reads {"address", "subject", "text"} as JSON from standard input and prints nothing; the exit code is the result. So the
library, which reads proxies from the environment and can wait for a long time, is in none of our processes, and no list of
processes shows an address.
"""

import json
import sys

SENT, NOT_UNDERSTOOD, NOT_TAKEN, MISSING = 0, 3, 4, 5


def main() -> int:
    try:
        import apprise
    except ImportError:
        return MISSING
    given = json.load(sys.stdin.buffer)
    asset = apprise.AppriseAsset(
        app_id="", app_desc="", app_url="", secure_logging=True, async_mode=False, plugin_paths=[], image_url_mask=None
    )
    way = apprise.Apprise.instantiate(given["address"], asset=asset)
    if way is None:
        return NOT_UNDERSTOOD
    is_sent = way.notify(title=given["subject"], body=given["text"], body_format=apprise.NotifyFormat.TEXT)
    return SENT if is_sent else NOT_TAKEN


if __name__ == "__main__":
    sys.exit(main())
