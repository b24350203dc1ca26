// Package prometheus shows the figures of a [mods.Host] to Prometheus. A [Collector]
// is given to the host as its [mods.Metrics], and to a registry, or asked for the
// text format itself:
//
//	metrics := prometheus.New(prometheus.Config{})
//	host, err := mods.Open(mods.Config{Metrics: metrics, ...})
//	metrics.Observe(host)
//	...
//	registry.MustRegister(metrics) // and promhttp serves the registry
//	metrics.WriteText(w)           // or without any of this
//
// # The figures
//
// Of the host:
//
//	modrunner_ticks_total                          counter
//	modrunner_tick_duration_seconds                histogram: the part of a tick in which mods run
//	modrunner_tick_guard_ratio                     histogram: the same as a share of Frame.Guard, if there is one
//	modrunner_ticks_cut_total                      counter: ended by the guard
//	modrunner_instructions_total                   counter: used in frames
//	modrunner_budget_instructions_total            counter: what they were out of
//	modrunner_frame_instructions                   gauge: used in the last frame
//	modrunner_frame_budget_instructions            gauge: of the next frame
//	modrunner_frame_budget_configured_instructions gauge: Frame.Instructions
//	modrunner_works_in_progress                    gauge: what capabilities do beside the frames
//	modrunner_mods{state}                          gauge: mods, by state
//	modrunner_mods_waiting                         gauge: mods with something left to do after the last frame
//
// Of each mod, with the label mod:
//
//	modrunner_mod_instructions_total               counter
//	modrunner_mod_memory_bytes                     gauge: live
//	modrunner_mod_allocated_bytes_total            counter
//	modrunner_mod_pauses_total                     counter: ticks at whose end a handler was not finished
//	modrunner_mod_share_ratio                      gauge: of what it would have if it were not throttled
//	modrunner_mod_state{state}                     gauge: 1 for the state that it is in, else 0
//	modrunner_mod_quarantines_total                counter
//	modrunner_mod_violations_total{kind}           counter
//	modrunner_mod_host_calls_total{capability}     counter
//	modrunner_mod_host_call_errors_total{capability} counter
//	modrunner_mod_queue_length                     gauge: events, timers and calls that wait for the mod
//	modrunner_mod_parked_calls                     gauge: handlers that wait for an answer
//	modrunner_mod_events_dropped_total             counter
//	modrunner_mod_log_lines_total                  counter
//	modrunner_mod_log_lines_dropped_total          counter
//
// Those that are read from [mods.Host.Status] are as of the end of a tick; without
// Observe they are missing. Mods that were refused are counted in modrunner_mods
// alone.
//
// # Labels
//
// Mods choose their ids. At most Config.Mods of them have series of their own, those
// that came first; the figures of all others are summed up under mod="_other", which
// no id can be. modrunner_mod_share_ratio and modrunner_mod_state, which have no sum,
// are missing for these. The series of a mod that was unloaded end with the next
// scrape, and their place is free again. A mod that gets a place later begins there
// at 0: what was counted as others' stays there, and nothing is counted twice.
//
// With the default of 100, and C capabilities that mods use, there are at most
// 101*(26+2C) series of mods, and 51 of the host.
//
// # Linking
//
// Of this module the command line alone imports this package: who embeds package mods
// without it compiles nothing of Prometheus'. The client library links net/http, for the
// names of headers; a Collector opens no connection and listens to none.
package prometheus
