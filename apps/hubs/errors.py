"""Anticipated failures of hub enrollment and the link."""

from apps.common.errors import ConflictError, DomainError, ForbiddenError, NotFoundError


class SignatureError(ForbiddenError):
    code = "signature_invalid"


class HubUnknownError(NotFoundError):
    code = "hub_unknown"


class HubUnclaimedError(ForbiddenError):
    code = "hub_unclaimed"


class HubRevokedError(ForbiddenError):
    code = "hub_revoked"


class ChallengeError(ForbiddenError):
    code = "challenge_invalid"


class ClaimCodeWrongError(DomainError):
    code = "claim_code_wrong"


class TooManyGuessesError(DomainError):
    code = "too_many_guesses"
    status = 429
    permanent = False


class ClaimCodeTakenError(ConflictError):
    code = "claim_code_taken"


class SiteHasHubError(ConflictError):
    code = "site_has_hub"


class TokenError(ForbiddenError):
    code = "token_invalid"
    status = 401


class BusyError(DomainError):
    code = "too_many_connections"
    status = 503
    permanent = False


class S2CredentialInvalidError(DomainError):
    code = "s2_credential_invalid"


class S2CredentialUnknownError(NotFoundError):
    code = "s2_credential_unknown"


class TooManyS2CredentialsError(ConflictError):
    code = "too_many_s2_credentials"


class OrderInvalidError(DomainError):
    code = "order_invalid"


class CampaignError(ConflictError):
    code = "campaign_state"


class ReleaseUnknownError(NotFoundError):
    code = "release_unknown"


class FirmwareUnknownError(NotFoundError):
    code = "firmware_unknown"


class CheckUnknownError(DomainError):
    code = "check_unknown"


class HubTooOldError(ConflictError):
    code = "hub_too_old"


class DeviceStateError(ConflictError):
    code = "device_state"


class PairingUnavailableError(ConflictError):
    code = "pairing_unavailable"


class TooManyPairingsError(DomainError):
    code = "too_many_pairings"
    status = 429
    permanent = False


class DeviceUnknownError(NotFoundError):
    code = "device_unknown"


class SiteHasNoHubError(ConflictError):
    code = "site_has_no_hub"


class RulesInvalidError(DomainError):
    code = "rules_invalid"
