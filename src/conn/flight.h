/* SPDX-License-Identifier: Apache-2.0 */
/* flight.h - descriptors that were sent and that the peer has not read; the overview is in flight.c */
#ifndef POSTERN_CONN_FLIGHT_H
#define POSTERN_CONN_FLIGHT_H

#include "account.h"
#include "core/flight.h"

struct postern_conn;

struct flights {
	struct list          place;    /* in account->in_flight, if there are any */
	struct account      *account;  /* the same */
	struct postern_conn *c;        /* NULL: it has ended, and this is a remnant's */
	struct list          sent;     /* struct flight */
	uint32_t             n;        /* descriptors in them */
};

void flights_init(struct flights *f, struct postern_conn *c);
/* Takes the memory of flight, which is charged to a. */
void flights_add(struct flights *f, struct account *a, struct flight *flight);
/* Gives back what the peer has read. One system call, if there is any. */
void flights_look(struct flights *f);
/* Nobody knows any more; gives back all. */
void flights_clear(struct flights *f);
/* The connection ends, and its socket is shut down: true: that is a remnant's now. */
bool flights_remain(struct flights *f);
/* Callback of the account. */
void flights_check_again(struct list *place, bool owner_gone);

#endif
