//! Acting as somebody, from the request to the end.
mod asking;
mod authority;
mod bounds;
mod ending;
mod live;
mod marks;
mod opening;
mod redeeming_once;
mod untouched;
