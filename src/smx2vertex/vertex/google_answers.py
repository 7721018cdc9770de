"""What Google's clients raise, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..findings import Finding, InputError, Refusal


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn the errors of Google's clients into findings.

    Args:
        what: what is asked, as in "the upload of the code".

    Raises:
        InputError: there are no credentials (SMX649), or the client refuses what it is given (SMX650).
        Refusal: the service says no, or does not answer (SMX645).
    """
    from urllib.error import URLError

    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import HTTPError, RequestException

    try:
        yield
    except GoogleAuthError as error:
        raise InputError(Finding("SMX649", f"{what}: {_first(error)}")) from error
    except HTTPError as error:
        said = error.response.text.strip() if error.response is not None else ""
        raise Refusal(Finding("SMX645", f"{what}: {_first(error)} {said[:500]}".strip())) from error
    except (GoogleAPIError, RequestException, URLError) as error:
        raise Refusal(Finding("SMX645", f"{what}: {_first(error)}")) from error
    except (ValueError, RuntimeError) as error:
        raise InputError(Finding("SMX650", f"{what}: {_first(error)}")) from error


def _first(error: Exception) -> str:
    """The first line of an error, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
