"""The configuration keys that the web frameworks' adapters share."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oidc_widget.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["settings_from"]

_ALWAYS_VERIFIED: Final = frozenset({"signature", "iss", "exp"})


def settings_from(config: Mapping[str, Any]) -> dict[str, Any]:
    """Read the ``OIDC_…`` keys of a configuration.

    Parameters
    ----------
    config : mapping
        ``app.config``, or any other mapping.

    Returns
    -------
    dict
        Parameters of :class:`~oidc_widget.verify.TokenVerifier`.

    Raises
    ------
    ConfigurationError
        If two of them contradict each other.
    """
    settings = {
        "issuer": config.get("OIDC_ISSUER") or (),
        "audience": config.get("OIDC_AUDIENCE"),
        "algorithms": config.get("OIDC_ALGORITHMS"),
    }
    leeway = config.get("OIDC_LEEWAY")
    if leeway is not None:
        settings["leeway"] = leeway.total_seconds() if isinstance(leeway, timedelta) else leeway
    if config.get("OIDC_REQUIRED_CLAIMS") is not None:
        settings["required_claims"] = config["OIDC_REQUIRED_CLAIMS"]
    verify_claims = config.get("OIDC_VERIFY_CLAIMS")
    if verify_claims is not None:
        chosen = frozenset(verify_claims) - _ALWAYS_VERIFIED
        settings["verify_claims"] = chosen - {"aud"}
        if "aud" not in chosen:
            if settings["audience"]:
                raise ConfigurationError(
                    "OIDC_AUDIENCE is set, and OIDC_VERIFY_CLAIMS leaves 'aud' out.",
                    hint="Add 'aud', or, to accept tokens for any other service too, unset OIDC_AUDIENCE.",
                )
            settings["skip_audience_check"] = True
    return settings
