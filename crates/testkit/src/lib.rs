//! postroom-testkit
