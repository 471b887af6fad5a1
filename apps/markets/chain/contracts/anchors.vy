# pragma version ^0.4.3
"""
@title Merkle roots of sealed batches, append-only
@notice Sequence numbers have no gap and no second value: what was anchored can be neither changed nor taken back.
"""

import merkle
import control

uses: control

struct Anchor:
    root: bytes32
    head: bytes32
    size: uint256
    at: uint256

event Anchored:
    sequence: indexed(uint256)
    root: indexed(bytes32)
    head: bytes32
    size: uint256

anchored: public(HashMap[uint256, Anchor])
next_sequence: public(uint256)


@external
def anchor(sequence: uint256, root: bytes32, head: bytes32, size: uint256):
    """
    @notice Anchors the next sealed batch. Works while paused: the record goes on.
    @param sequence The batch's place in the log, one more than the last
    @param root The Merkle root of its leaves
    @param head The hash of its log entry, which contains the hash of the entry before
    @param size How many leaves it has; a batch may have none
    """
    control._only_operator()
    assert sequence == self.next_sequence, "not the next sequence"
    assert root != empty(bytes32), "no root"
    assert size <= 2**32, "bad size"
    self.anchored[sequence] = Anchor(root=root, head=head, size=size, at=block.timestamp)
    self.next_sequence = sequence + 1
    log Anchored(sequence=sequence, root=root, head=head, size=size)


@view
@internal
def _require_sealed(leaf: bytes32, sequence: uint256, index: uint256, path: DynArray[bytes32, merkle.MAX_PATH]):
    assert sequence < self.next_sequence, "not anchored"
    batch: Anchor = self.anchored[sequence]
    assert merkle._is_included(leaf, index, batch.size, path, batch.root), "not in the batch"


@view
@external
def is_sealed(leaf: bytes32, sequence: uint256, index: uint256, path: DynArray[bytes32, merkle.MAX_PATH]) -> bool:
    """
    @notice Whether a leaf hash is in an anchored batch.
    """
    if sequence >= self.next_sequence:
        return False
    batch: Anchor = self.anchored[sequence]
    return merkle._is_included(leaf, index, batch.size, path, batch.root)
