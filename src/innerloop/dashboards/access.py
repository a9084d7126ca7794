"""Whether W&B can be reached; W&B itself waits long for a server that does not answer."""

import netrc
import os
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlparse

PATIENCE = 5.0  #: seconds to wait for any answer


def server() -> str:
    """The address of the W&B server in the environment, or of the public one."""
    return os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")


def obstacle() -> str | None:
    """Why W&B cannot be reached, in a few words; None if it can."""
    if not has_key():
        return "no key is set"
    return None if answers(server()) else f"{server()} does not answer"


def has_key() -> bool:
    """Whether W&B would find a key: in the environment, or in the netrc file of `wandb login`."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    try:
        credentials = netrc.netrc(os.environ.get("NETRC")).authenticators(
            urlparse(server()).hostname or ""
        )
    except (OSError, netrc.NetrcParseError):
        return False
    return credentials is not None


def answers(address: str) -> bool:
    """Whether a server answers within a few seconds, through the proxy if one is set."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, method="HEAD"), timeout=PATIENCE
        ):
            return True
    except urllib.error.HTTPError:  # an error is an answer, too
        return True
    except urllib.error.URLError as error:  # W&B may know certificates that Python does not
        return isinstance(error.reason, ssl.SSLError)
    except (OSError, ValueError):
        return False
