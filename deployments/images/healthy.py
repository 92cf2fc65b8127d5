"""Whether a URL of this container answers 200: `python -m deployments.images.healthy http://127.0.0.1:8484/ready`.

It imports nothing of the product, since it runs every few seconds; the image has neither curl nor a shell
that is needed.
"""

import sys
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

SECONDS = 4.0


def main(arguments: list[str]) -> int:
    """Ask; returns 1 if it does not answer in time or answers something else."""
    [url] = arguments
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as answer:
            return int(answer.status != 200)
    except (URLError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
