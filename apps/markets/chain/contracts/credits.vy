# pragma version ^0.4.3
"""
@title Energy credits with certificate of origin: ERC-1155 tokens, one id per certificate, one unit per Wh
@notice Minted once, with proof of a sealed origin; retired when the energy is used up as a claim.
"""

import merkle
import control
import anchors

uses: control
uses: anchors

interface Receiver:
    def onERC1155Received(by: address, sender: address, id: uint256, wh: uint256, data: Bytes[MAX_DATA]) -> bytes4: nonpayable
    def onERC1155BatchReceived(
        by: address, sender: address, ids: DynArray[uint256, MAX_BATCH], whs: DynArray[uint256, MAX_BATCH], data: Bytes[MAX_DATA]
    ) -> bytes4: nonpayable

struct Certificate:
    site: bytes32
    source: uint256
    starts_at: uint256
    energy_wh: uint256
    sequence: uint256

event TransferSingle:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    id: uint256
    value: uint256

event TransferBatch:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    ids: DynArray[uint256, MAX_BATCH]
    values: DynArray[uint256, MAX_BATCH]

event ApprovalForAll:
    account: indexed(address)
    operator: indexed(address)
    approved: bool

event Minted:
    id: indexed(uint256)
    owner: indexed(address)
    site: indexed(bytes32)
    source: uint256
    starts_at: uint256
    energy_wh: uint256

event Retired:
    id: indexed(uint256)
    owner: indexed(address)
    energy_wh: uint256
    claim: bytes32

MAX_BATCH: constant(uint256) = 32
MAX_DATA: constant(uint256) = 1024
# "ores.market.origin.v1", filled up with zeros: no other kind of leaf begins like it.
ORIGIN: constant(bytes32) = 0x6f7265732e6d61726b65742e6f726967696e2e76310000000000000000000000
MOST_WH: constant(uint256) = 2**64 - 1
ONE_RECEIVED: constant(bytes4) = 0xf23a6e61
BATCH_RECEIVED: constant(bytes4) = 0xbc197c81

CERTIFICATE_PERIOD: public(immutable(uint256))

certificates: public(HashMap[uint256, Certificate])
balance_of: HashMap[address, HashMap[uint256, uint256]]
approved_for_all: HashMap[address, HashMap[address, bool]]
retired: public(HashMap[uint256, uint256])


@deploy
def __init__(certificate_period: uint256):
    assert certificate_period != 0, "no period"
    CERTIFICATE_PERIOD = certificate_period


@pure
@internal
def _id(site: bytes32, source: uint256, starts_at: uint256) -> uint256:
    return convert(sha256(abi_encode(site, source, starts_at)), uint256)


@pure
@external
def certificate_id(site: bytes32, source: uint256, starts_at: uint256) -> uint256:
    """
    @notice The token id of what a site produced from a source in the period that starts then.
    """
    return self._id(site, source, starts_at)


@view
@internal
def _origin_leaf(owner: address, site: bytes32, source: uint256, starts_at: uint256, energy_wh: uint256) -> bytes32:
    return sha256(concat(0x00, abi_encode(ORIGIN, chain.id, self, owner, site, source, starts_at, energy_wh)))


@view
@external
def origin_leaf(owner: address, site: bytes32, source: uint256, starts_at: uint256, energy_wh: uint256) -> bytes32:
    """
    @notice The leaf hash under which a production must be sealed to be minted here.
    """
    return self._origin_leaf(owner, site, source, starts_at, energy_wh)


@nonreentrant
@external
def mint(
    owner: address,
    site: bytes32,
    source: uint256,
    starts_at: uint256,
    energy_wh: uint256,
    sequence: uint256,
    index: uint256,
    path: DynArray[bytes32, merkle.MAX_PATH],
):
    """
    @notice Mints the credits of a sealed production to its owner. Anyone may bring the proof.
    @dev Periods are aligned and one certificate has one site, source and period: no Wh is certified twice.
    """
    control._only_running()
    assert owner != empty(address), "no owner"
    assert energy_wh != 0 and energy_wh <= MOST_WH, "bad energy"
    assert starts_at % CERTIFICATE_PERIOD == 0, "period not aligned"
    id: uint256 = self._id(site, source, starts_at)
    assert self.certificates[id].energy_wh == 0, "certificate minted"
    anchors._require_sealed(self._origin_leaf(owner, site, source, starts_at, energy_wh), sequence, index, path)
    self.certificates[id] = Certificate(
        site=site, source=source, starts_at=starts_at, energy_wh=energy_wh, sequence=sequence
    )
    self.balance_of[owner][id] = energy_wh
    log Minted(id=id, owner=owner, site=site, source=source, starts_at=starts_at, energy_wh=energy_wh)
    log TransferSingle(operator=msg.sender, sender=empty(address), receiver=owner, id=id, value=energy_wh)
    self._accepted(empty(address), owner, id, energy_wh, b"")


@nonreentrant
@external
def retire(id: uint256, energy_wh: uint256, claim: bytes32):
    """
    @notice Uses up credits of the sender for good.
    @param claim A salted hash of what they are used for, or nothing
    """
    assert energy_wh != 0, "nothing to retire"
    self._take(msg.sender, id, energy_wh)
    self.retired[id] += energy_wh
    log Retired(id=id, owner=msg.sender, energy_wh=energy_wh, claim=claim)
    log TransferSingle(operator=msg.sender, sender=msg.sender, receiver=empty(address), id=id, value=energy_wh)


@nonreentrant
@external
def safeTransferFrom(sender: address, to: address, id: uint256, wh: uint256, data: Bytes[MAX_DATA]):
    self._may_move(sender, to)
    self._take(sender, id, wh)
    self.balance_of[to][id] += wh
    log TransferSingle(operator=msg.sender, sender=sender, receiver=to, id=id, value=wh)
    self._accepted(sender, to, id, wh, data)


@nonreentrant
@external
def safeBatchTransferFrom(
    sender: address, to: address, ids: DynArray[uint256, MAX_BATCH], whs: DynArray[uint256, MAX_BATCH], data: Bytes[MAX_DATA]
):
    self._may_move(sender, to)
    assert len(ids) == len(whs), "lengths differ"
    for i: uint256 in range(len(ids), bound=MAX_BATCH):
        self._take(sender, ids[i], whs[i])
        self.balance_of[to][ids[i]] += whs[i]
    log TransferBatch(operator=msg.sender, sender=sender, receiver=to, ids=ids, values=whs)
    if to.is_contract:
        answer: bytes4 = extcall Receiver(to).onERC1155BatchReceived(msg.sender, sender, ids, whs, data)
        assert answer == BATCH_RECEIVED, "receiver refused"


@external
def setApprovalForAll(operator: address, approved: bool):
    self.approved_for_all[msg.sender][operator] = approved
    log ApprovalForAll(account=msg.sender, operator=operator, approved=approved)


@view
@external
def isApprovedForAll(account: address, operator: address) -> bool:
    return self.approved_for_all[account][operator]


@view
@external
def balanceOf(account: address, id: uint256) -> uint256:
    return self.balance_of[account][id]


@view
@external
def balanceOfBatch(accounts: DynArray[address, MAX_BATCH], ids: DynArray[uint256, MAX_BATCH]) -> DynArray[uint256, MAX_BATCH]:
    assert len(accounts) == len(ids), "lengths differ"
    found: DynArray[uint256, MAX_BATCH] = []
    for i: uint256 in range(len(ids), bound=MAX_BATCH):
        found.append(self.balance_of[accounts[i]][ids[i]])
    return found


@pure
@external
def supportsInterface(id: bytes4) -> bool:
    """
    @notice ERC-165 and ERC-1155.
    """
    return id == 0x01ffc9a7 or id == 0xd9b67a26


@view
@internal
def _may_move(sender: address, to: address):
    assert msg.sender == sender or self.approved_for_all[sender][msg.sender], "not the owner"
    assert to != empty(address), "bad destination"


@internal
def _take(owner: address, id: uint256, wh: uint256):
    held: uint256 = self.balance_of[owner][id]
    assert wh <= held, "too few credits"
    self.balance_of[owner][id] = held - wh


@internal
def _accepted(sender: address, to: address, id: uint256, wh: uint256, data: Bytes[MAX_DATA]):
    if to.is_contract:
        answer: bytes4 = extcall Receiver(to).onERC1155Received(msg.sender, sender, id, wh, data)
        assert answer == ONE_RECEIVED, "receiver refused"
