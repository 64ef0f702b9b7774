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
    /// CUSTOM_WITH_SRP: the pool's triggers go on without PASSWORD_VERIFIER, so that anybody who knows a name gets past the
    /// password.
    #[error(
        "the user pool answered {got:?} to SRP_A: its DefineAuthChallenge trigger skips the password"
    )]
    PasswordSkipped { got: String },
    #[error("the user pool offers nothing to choose at {challenge} that can be done here")]
    NothingToChoose { challenge: &'static str },
    /// A device is to be proven and this browser has none for the person.
    #[error("the user pool asks for a remembered device that was not named to it")]
    UnknownDevice,
    #[error("the user pool set more than {limit} custom challenges in one sign-in")]
    TooManyRounds { limit: u8 },
    /// The flow needs a password with the user name.
    #[error("the flow {flow} needs a password at its start")]
    PasswordMissing { flow: &'static str },
}
