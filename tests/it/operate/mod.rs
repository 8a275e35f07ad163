//! What operators meet: starts, commands, settings, the image.
mod keys_first;
