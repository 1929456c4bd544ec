/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the loop and what lives on it
 *
 * Everything on a loop is an object, and an object has at most one descriptor in epoll, at most one timer
 * in the heap and at most one entry in the task list. So there is one callback for each (ready, fire,
 * run), one way to end, and the sizes are known: an idle connection is one allocation.
 *
 * A turn:   epoll_wait -> ready() of each descriptor -> fire() of the timers that are due
 *           -> run() of each task -> memory of objects that were freed meanwhile is released
 *
 * Tasks defer work to the end of the turn: a connection's writes of one turn become one
 * sendmsg; attempts to connect, closings and offers of unread bytes happen where callbacks may run.
 * Outside a turn a new task makes the loop's descriptor readable (an eventfd), so a write from
 * anywhere is sent without further calls, also in a loop that is embedded in another.
 *
 * Freeing: while a turn runs, or a _free that calls back, the loop is held: memory that is freed meanwhile
 * stays until it is released, because frames further up the stack and events already fetched may still
 * point to it; they check the object's state before they continue.
 *
 * A callback may never return: pthread_exit() unwinds through a turn. So no resource that the loop must
 * release, and no list that objects are linked to, is in a frame that calls back.
 *
 * Fairness: what a descriptor can cost a turn is counted in bytes (loop_spend()), and a visit is cut short at LOOP_VISIT.
 * One that had more than that is restless: it comes after those that were not, which have had their turn to the end, their
 * tasks too; of several the one that waited longest, of the user that waited longest; and once LOOP_TURN is spent the
 * others wait for the next turn. That is round robin without the deficits of DRR, which make up for packets that do not fit
 * into the rest of a round: a read can end at any byte. No clock is read for it. A descriptor that is alone, which is
 * known from the last LOOP_SHARED turns, has longer visits, since a turn has a price (a system call).
 *
 * Timers: a timerfd in the epoll set, and no timeout for epoll_wait: then an embedding loop needs one
 * descriptor and nothing else. It is set only when the earliest time becomes earlier, or has passed, so
 * that arming a deadline per message that never fires costs no system call.
 */
#ifndef POSTERN_LOOP_LOOP_H
#define POSTERN_LOOP_LOOP_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <postern/loop.h>

#include "base/chunk.h"
#include "base/list.h"
#include "base/reason.h"
#include "loop/fork.h"
#include "sys/sys.h"

enum {
	LOOP_EVENTS     = 64,    /* descriptors per turn */
	LOOP_POSTS      = 65536, /* waiting at most */
	LOOP_POSTS_TURN = 1024,

	LOOP_VISIT       = 64 * 1024,  /* bytes of one descriptor in a turn, while others are there too */
	LOOP_VISIT_ALONE = 1024 * 1024,/* while none is */
	LOOP_TURN        = 256 * 1024, /* of all in a turn, before those that never rest are held back */
	LOOP_SHARED      = 1024,       /* turns after which another descriptor that was heard of last is forgotten */
};

#define WATCH_OFF  UINT32_MAX      /* not in epoll; a mask of 0 still reports hang-ups */
#define TIMER_OFF  UINT32_MAX      /* not in the heap */

struct object;

struct object_ops {
	void (*ready)(struct object *o, uint32_t events);
	void (*fire)(struct object *o);
	void (*run)(struct object *o);
	/* Busy polling: receives once, at most after so many tries, without epoll. true: ready(EPOLLIN) will find it in
	   spin.early. NULL: there is no such way. */
	bool (*probe)(struct object *o, unsigned tries);
	/* With probe: the process of the peer. */
	pid_t (*peer)(const struct object *o);
	/* When the user to whom it belongs had a restless one visited last: loop->visits of then. NULL: it has none. */
	uint32_t *(*user)(struct object *o);
	/* It had to wait for the next turn. */
	void (*deferred)(struct object *o);
	/* The loop is being freed: send the final event, and give up the descriptor. NULL: there is neither. */
	void (*orphan)(struct object *o);
	/* Give back the memory. */
	void (*bury)(struct object *o);
};

struct object {
	const struct object_ops *ops;
	struct postern_loop     *loop;      /* NULL once the loop has gone */
	struct list              siblings;  /* in loop->objects, or with its server */
	struct list              task;      /* in loop->tasks or loop->graves */
	int64_t                  at_ns;     /* of the timer */
	uint32_t                 slot;      /* in the heap, or TIMER_OFF */
	uint32_t                 mask;      /* in epoll, or WATCH_OFF */
	uint32_t                 asked;     /* the turn in which epoll was last asked for more */
	uint32_t                 restless;  /* loop->visits at its last visit, which was cut short; or 0 */
	int                      fd;
};

struct post {
	postern_fn *fn;
	void       *data;
};

struct post_box;

struct post_queue {
	pthread_mutex_t mutex;
	struct post    *ring;
	uint32_t        begin, n, capacity;  /* capacity: 0 or a power of two */
	bool            made;
	struct post_box *box;                /* made when somebody asks for it */
};

/*
 * Posts that need no room: the node is part of what is posted. The box is shared by the loop and by who may post, and the
 * last of them frees it: so whoever posts after the end of the loop is called too, at once and on its own thread.
 */
struct post_node {
	struct list link;                    /* in the box, until it is called */
	void      (*call)(struct post_node *node, void (*fn)(void), void *data);
	void      (*fn)(void);               /* these two are the poster's; call() knows their type */
	void       *data;
};

struct post_box {
	pthread_mutex_t       mutex;
	struct list           nodes;
	struct postern_loop  *loop;          /* NULL: it has been freed */
	unsigned              generation;    /* of the process: fork.h */
	atomic_uint           references;
};

struct timer_heap {
	struct object **objects;
	uint32_t        n, capacity;         /* capacity >= objects of the loop: arming cannot fail */
};

/* Busy polling before a wait: spin.c. */
struct loop_spin {
	int64_t           max_ns;            /* the option; 0: none */
	int64_t           ns;                /* before the next wait: 0, or at most max_ns */
	int64_t           looked_ns;         /* when the CPUs were counted */
	int64_t           asked_ns;          /* when all descriptors were, while polling */
	uint32_t          rest;              /* short waits until it is tried again */
	uint32_t          fails;             /* so many attempts in a row have not paid */
	uint32_t          bursts;            /* of probes, since asked_ns */
	bool              paid;              /* since it was 0 */
	bool              allowed;           /* there is more than one CPU */
	struct object    *hot;               /* had the last turn to itself, or NULL */
	struct object    *early;             /* what probe() has received for, or NULL: then */
	ssize_t           early_n;           /* the result of that receive */
};

/* Data that upper layers keep on a loop; it is freed with the loop. */
enum loop_slot_of {
	LOOP_SLOT_LIMITS,     /* of connections: conn/options.c */
	LOOP_SLOT_BUFFER,     /* that all connections read into: conn/inbox.c */
	LOOP_SLOT_LENT,       /* a block that is offered to a callback: conn/inbox.c */
	LOOP_SLOT_NAME_WATCH, /* server/republish.c */
	LOOP_SLOT_UNKNOWN,    /* the overflow ids: conn/dial.c */
	LOOP_SLOTS,
};

struct loop_slot {
	void  *data;
	void (*destroy)(void *data);         /* NULL: data is an object, or not owned */
};

struct postern_loop {
	int               epoll;
	unsigned          generation;        /* of the process that made it: fork.h */
	bool              dispatching;
	bool              owns;              /* objects made on it are freed with it: thread.c */
	bool              cancellable;       /* while it waits */
	bool              freed;             /* the last loop_release() finishes that */
	unsigned          held;
	atomic_bool       stopping;
	atomic_bool       awake;             /* the eventfd is readable, or about to be */
	_Atomic(const char *) calling;       /* the callback of this turn that was called last, or NULL */
	int               error;             /* makes run() and dispatch() return this */
	struct object     event;             /* eventfd: posts, stop, tasks from outside a turn */
	struct object     timer;             /* timerfd */
	int64_t           timer_at_ns;       /* what it is set to */
	int64_t           now_ns;            /* of this turn, 0: not yet read */
	const void       *heard;             /* the descriptor that was heard of last; to be compared only */
	size_t            spent;             /* in this turn, in bytes */
	uint32_t          shared;            /* turns for which there still is more than one */
	uint32_t          messages;          /* that the connection of this visit may still deliver */
	uint32_t          visits;            /* of restless ones; it may wrap */
	uint32_t          turn;              /* the number of this turn, or of the last one; it may wrap */
	struct timer_heap heap;
	uint32_t          n_objects;
	struct list       objects;
	struct list       tasks;
	struct list       running;           /* tasks of this turn that have not run yet */
	struct list       graves;
	struct list       orphaned;          /* being freed: objects whose final event is still to come */
	struct post_queue posts;
	struct chunk_pool pool;
	struct loop_spin  spin;
	struct loop_slot  slots[LOOP_SLOTS];
	uint64_t          random;
	postern_log_fn   *log;
	void             *log_data;
};

/* false in a child process: then only close() may be called on the descriptors. */
static inline bool loop_is_ours(const struct postern_loop *loop)
{
	return loop->generation == fork_generation();
}

/* How many bytes of one descriptor may be moved at once, in this turn. */
static inline size_t loop_visit(const struct postern_loop *loop)
{
	return loop->shared ? LOOP_VISIT : LOOP_VISIT_ALONE;
}

/* What took about as long as moving so many bytes. */
static inline void loop_spend(struct postern_loop *loop, size_t n)
{
	loop->spent += n;
}

/* Others wait, and this turn has been long enough. */
static inline bool loop_is_spent(const struct postern_loop *loop)
{
	return loop->shared && loop->spent >= LOOP_TURN;
}

/* 0, -ESTALE (gone) or -ECHILD (another process): every public call begins with this. */
static inline int loop_check(const struct postern_loop *loop)
{
	if (!loop)
		return -ESTALE;
	if (!loop_is_ours(loop))
		return -ECHILD;
	return loop->freed ? -ESTALE : 0;
}

/* Is this thread in a callback of any loop? */
bool    loop_in_callback(void);
/* Frees a loop after one of its callbacks called pthread_exit(), even if it was already being freed. */
void    loop_abandon(struct postern_loop *loop);
/* Read once per turn: for consequences of events. */
int64_t loop_now(struct postern_loop *loop);
/* after_ns from this moment: for durations given by the user, however long the current callback has been running.
   Later than loop_now(), so a timer that is set in a turn does not fire in it. */
int64_t loop_after(struct postern_loop *loop, int64_t after_ns);
void    loop_wake(struct postern_loop *loop);
/* Between the two, freed objects keep their memory; after the last release the loop itself may
   be gone. */
void    loop_hold(struct postern_loop *loop);
void    loop_release(struct postern_loop *loop);
void    loop_log(struct postern_loop *loop, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Before each callback: what postern_thread_calling() shows of a thread that hangs. */
static inline void loop_calls(struct postern_loop *loop, const char *callback)
{
	atomic_store_explicit(&loop->calling, callback, memory_order_relaxed);
}

/* spin.c */
/* epoll_wait(), after polling if the program wants that. With cancellation disabled; cancel: the thread's own cancellation state. */
int  loop_wait(struct postern_loop *loop, struct epoll_event *events, int timeout_ms, int cancel);
/* What it learns from: a poll that took so long, and what a wait took altogether that ended in sleep. */
void spin_polled(struct loop_spin *s, int64_t took_ns, bool found);
void spin_slept(struct loop_spin *s, int64_t waited_ns);

/* object.c */
int  object_init(struct object *o, const struct object_ops *ops, struct postern_loop *loop);
/* mask: EPOLLIN and so on, 0 for hang-ups only, or WATCH_OFF. No system call when nothing changes. */
int  object_watch(struct object *o, uint32_t mask);
/* Its visit is over. more: it was cut short. */
void object_visited(struct object *o, bool more);
/* Absolute; POSTERN_FOREVER disarms. */
void object_timer(struct object *o, int64_t at_ns);
void object_task(struct object *o);
/* Takes the descriptor out of epoll and out of the object; returns it, or -1. The only way to do that: if another
   process has a copy, epoll would still report a closed descriptor, for an object that is gone. In a child
   process epoll is the parent's and is not touched. */
int  object_give_up(struct object *o);
/* The same, and closes it. Does not shut down. */
void object_close(struct object *o);
/* Unlinks o everywhere and frees it: now, or when the loop is released. Its descriptor must have been given up. */
void object_end(struct object *o);

/* timer.c */
void     timer_insert(struct timer_heap *h, struct object *o);
void     timer_remove(struct timer_heap *h, struct object *o);

/* post.c */
int  post_init(struct post_queue *q);
void post_run(struct postern_loop *loop);
/* Calls the waiting posts without the loop; they may call this again. */
void post_cancel(struct post_queue *q);
void post_deinit(struct post_queue *q, bool ours);
/* A new reference to the loop's box. -ENOMEM. */
int  post_box_get(struct postern_loop *loop, struct post_box **ret);
struct post_box *post_box_ref(struct post_box *box);
void post_box_unref(struct post_box *box);
/* Any thread: node->call(node, fn, data) is called once, on the loop's thread. -EBUSY: it is in the box already; -ECHILD. */
int  post_box_add(struct post_box *box, struct post_node *node, void (*fn)(void), void *data);
/* On the loop's thread: it is not called any more. */
void post_box_remove(struct post_box *box, struct post_node *node);

#endif
