//! Placeholder of the workspace first commit.
