/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_FLOW_TAINT_H
#define REVIEW_FLOW_TAINT_H

/* Private to call.c: what calls do with bytes of a peer. */

#include "flow/state.h"

/* reads=, reads=* and copies= of the knowledge. */
void taint_peer_bytes(struct flow *flow, const struct item *item, const struct fact *fact);
void taint_peer_vectors(struct flow *flow);
void taint_copies(struct flow *flow, const struct item *item, const struct fact *fact);
/* Argument i, from 0, of a function of the project: down to it, and back from it. */
void taint_tell(struct flow *flow, const struct item *item, int i);
void taint_target_reads(struct flow *flow, const struct item *item, int i);
/* For the summary of the function that is walked. */
void taint_note_sinks(struct flow *flow, const struct call *call);
/* What the result of a function that nobody knows carries. */
uint16_t taint_derived(const struct flow *flow, const struct call *call);

#endif
