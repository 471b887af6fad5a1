# pragma version ^0.4.3
"""
@title Inclusion in a Merkle tree hashed as RFC 6962 has it, with SHA-256
@notice Leaves are SHA-256(0x00 || leaf), nodes SHA-256(0x01 || left || right); the check is RFC 9162, 2.1.3.2.
"""

MAX_PATH: constant(uint256) = 32


@pure
@internal
def _node(left: bytes32, right: bytes32) -> bytes32:
    return sha256(concat(0x01, left, right))


@pure
@internal
def _is_included(leaf: bytes32, index: uint256, size: uint256, path: DynArray[bytes32, MAX_PATH], root: bytes32) -> bool:
    if index >= size:
        return False
    here: uint256 = index
    last: uint256 = size - 1
    seen: bytes32 = leaf
    for step: bytes32 in path:
        if last == 0:
            return False
        if here & 1 == 1 or here == last:
            seen = self._node(step, seen)
            for level: uint256 in range(MAX_PATH):
                if here & 1 == 1 or here == 0:
                    break
                here = here >> 1
                last = last >> 1
        else:
            seen = self._node(seen, step)
        here = here >> 1
        last = last >> 1
    return last == 0 and seen == root
