"""What Google's clients raise, as findings."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..findings import Finding, InputError, RefusedError


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn the errors of Google's clients into findings.

    Args:
        what: what is asked, as in "the upload of the code".

    Raises:
        InputError: there are no credentials (SMX649), or the client refuses what it is given (SMX650).
        RefusedError: the service says no, or does not answer (SMX645).
    """
    from urllib.error import URLError

    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import HTTPError, RequestException

    before = logging.root.manager.disable
    logging.disable(logging.INFO)  # the clients log what they do on stdout, where the data goes
    try:
        yield
    except GoogleAuthError as error:
        raise InputError(Finding("SMX649", f"{what}: {_first(error)}")) from error
    except HTTPError as error:
        said = error.response.text.strip() if error.response is not None else ""
        raise RefusedError(Finding("SMX645", f"{what}: {_first(error)} {said[:500]}".strip())) from error
    except (GoogleAPIError, RequestException, URLError) as error:
        raise RefusedError(Finding("SMX645", f"{what}: {_first(error)}")) from error
    except RuntimeError as error:  # what the client of experiments makes of any refusal
        said = f": {_first(error.__cause__)}" if isinstance(error.__cause__, Exception) else ""
        raise RefusedError(Finding("SMX645", f"{what}: {_first(error)}{said}")) from error
    except ValueError as error:
        raise InputError(Finding("SMX650", f"{what}: {_first(error)}")) from error
    finally:
        logging.disable(before)


def _first(error: Exception) -> str:
    """The first line of an error, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
