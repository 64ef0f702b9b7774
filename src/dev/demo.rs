//! What `sidegate dev` can show: a flow each, with the pool and the settings that show it.

use cognito_flow::FlowKind;

/// Where the pools name the sample triggers.
pub(super) const TRIGGERS: &str = "{triggers}";

/// One way to start `sidegate dev`.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// What is written after `--flow`.
    pub name: &'static str,
    pub flow: FlowKind,
    /// The pool file; see [`TRIGGERS`].
    pub(super) pool: &'static str,
    /// Settings of the gate beside the defaults, in TOML.
    pub(super) settings: &'static str,
}

impl Demo {
    /// In the order of the help; the first of a flow stands for it.
    pub const ALL: [Self; 6] = [
        Self {
            name: "srp",
            flow: FlowKind::UserSrpAuth,
            pool: super::BUILT_IN_POOL,
            settings: "",
        },
        Self {
            name: "mfa",
            flow: FlowKind::UserSrpAuth,
            pool: include_str!("../../config/pools/mfa.toml"),
            settings: "[device]\nremember = \"ask\"\n",
        },
        Self {
            name: "password",
            flow: FlowKind::UserPasswordAuth,
            pool: include_str!("../../config/pools/password.toml"),
            settings: "",
        },
        Self {
            name: "custom",
            flow: FlowKind::CustomWithoutSrp,
            pool: include_str!("../../config/pools/custom.toml"),
            settings: PICTURES,
        },
        Self {
            name: "custom-srp",
            flow: FlowKind::CustomWithSrp,
            pool: include_str!("../../config/pools/custom.toml"),
            settings: PICTURES,
        },
        Self {
            name: "choice",
            flow: FlowKind::UserAuth,
            pool: include_str!("../../config/pools/choice.toml"),
            settings: "[account]\nsign_up = true\nsign_up_attributes = []\n[passkey]\noffer = true\n",
        },
    ];

    /// By its name, or by the flow's name in a configuration.
    pub fn find(text: &str) -> Option<Self> {
        let all = Self::ALL.into_iter();
        let named = |demo: &Self| demo.name == text || demo.flow.name() == text;
        all.clone()
            .find(|demo| demo.name == text)
            .or_else(|| all.clone().find(named))
    }
}

/// The sample CAPTCHA comes as a `data:` URL.
const PICTURES: &str = "[challenge]\nallow_data_images = true\n";
