//! What can be wrong with the user pool's side of a flow. A refusal by Cognito (`NotAuthorizedException` and its like) is
//! not a reply and never gets here: the caller maps those where it makes the call.

/// Why a reply does not lead on. The flow is spent; the person starts again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// A reply of a known kind that this step cannot take.
    #[error("the user pool answered {got:?} where {want} was in turn")]
    OutOfTurn { want: &'static str, got: String },
    /// Challenge names are an open set; this one is not implemented.
    #[error("the user pool set a challenge that is not supported: {name:?}")]
    UnsupportedChallenge { name: String },
    #[error("the user pool set {challenge} without the parameter {parameter}")]
    MissingParameter {
        challenge: &'static str,
        parameter: &'static str,
    },
    /// A parameter that does not parse, or an SRP value outside its range. The value itself is not kept.
    #[error("the user pool sent an unusable {what}")]
    BadServerValue { what: &'static str },
}
