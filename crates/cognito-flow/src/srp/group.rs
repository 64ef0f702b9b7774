//! Cognito's group: the 3072-bit prime of RFC 5054 appendix A with generator 2, where the RFC has 5.

use ::srp::Group;
use ::srp::groups::G3072;
use crypto_bigint::modular::{ConstMontyForm, ConstMontyParams, FixedMontyParams};
use crypto_bigint::{BoxedUint, U3072};

pub(super) const BITS: u32 = U3072::BITS;
pub(super) const BYTES: usize = U3072::BYTES;
pub(super) const GENERATOR: u8 = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CognitoGroup;

impl ConstMontyParams<{ U3072::LIMBS }> for CognitoGroup {
    const LIMBS: usize = U3072::LIMBS;
    const PARAMS: FixedMontyParams<{ U3072::LIMBS }> = G3072::PARAMS;
}

impl Group for CognitoGroup {
    type Element = ConstMontyForm<Self, { U3072::LIMBS }>;
    const G: Self::Element = ConstMontyForm::new(&U3072::from_u8(GENERATOR));
}

/// N.
pub(super) fn modulus() -> BoxedUint {
    BoxedUint::from(CognitoGroup::PARAMS.modulus().get())
}

/// 0 < n < N: what a peer may send as its public value.
pub(super) fn is_public_value(number: &BoxedUint) -> bool {
    !bool::from(number.is_zero()) && *number < modulus()
}
