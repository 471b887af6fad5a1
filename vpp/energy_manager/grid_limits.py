"""What a home's grid connection may carry."""

from typing import Annotated

import msgspec


class GridLimits(msgspec.Struct, forbid_unknown_fields=True):
    """What the grid connection may carry [kW]."""

    import_kw: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    export_kw: Annotated[float, msgspec.Meta(ge=0)] = 30.0
