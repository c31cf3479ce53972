//! Tests of the node as a whole. One program, because each program that contains the engine takes minutes to build.

mod devnet;
mod faulty;
mod http;
mod metrics;
mod network;
mod simulation;
mod support;
mod validation;
mod votes;
