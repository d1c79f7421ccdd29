//! postroom-mime
