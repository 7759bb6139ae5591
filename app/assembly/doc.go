// Package assembly wires Gatehouse: configuration and ready ports in, a running
// service and its stop function out. The mains, the features and the benchmarks
// share it; nothing imports it from below. It holds no state of its own.
package assembly
