//! Tests of the node as a whole. One program, because each program that contains the engine takes minutes to build.

mod adversary;
mod byzantine;
mod catch_up;
mod devnet;
mod faulty;
mod http;
mod lanes;
mod metrics;
mod network;
mod rollback;
mod simulation;
mod support;
mod validation;
mod votes;
