/* SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One slot, one writer, one reader: src/shm/seqlock.hpp under the C++ memory model. scripts/check_model runs it.
 *
 * Memory is not a value per word but the list of all stores to it, in modification order. A load may return any
 * store that is not older than what the reader already knows of that word: that is how loads and stores reorder.
 * Knowledge is a view, the newest store known of each word:
 *   - each store carries a view: a release store what the writer did so far, a relaxed store what the writer had
 *     done at its last release fence;
 *   - an acquire load takes the view of the store it read at once, a relaxed load takes it at the next acquire
 *     fence.
 * This is the C++20 model for release, acquire, relaxed and fences, without values out of thin air and without a
 * load overtaken by a later store of its own thread; the writer does not load and the reader does not store.
 *
 * The slot is three words: the commit stamp, one word of header, one word of payload. Header and payload are
 * relaxed atomics here. Frame s writes s + 1 into both; 0 is what a new file holds, shown as frame -1.
 *
 * Variants, by -D: NO_WRITER_FENCE, NO_READER_FENCE, NO_RELEASE_COMMIT, NO_ACQUIRE_LOAD, NO_IN_PROGRESS, NO_SECOND_LOAD
 * each leave one thing out. SPEC_PAIR has release stores and acquire loads of the stamp and no fence, as the protocol
 * text says. ORDERED_COPY has no fence and copies with release stores and acquire loads, as the ThreadSanitizer build
 * does. REACHABLE claims that the last frame is never accepted.
 */

#define FRAMES 4
#define READS 3

#define STAMP 0
#define HEADER 1
#define PAYLOAD 2
#define WORDS 3
#define STORES 9 /* the initial one, and two of the stamp for each frame */

#define RELAXED 0
#define ORDERED 1 /* release for a store, acquire for a load */

#ifdef NO_RELEASE_COMMIT
#define COMMIT_ORDER RELAXED
#else
#define COMMIT_ORDER ORDERED
#endif
#ifdef NO_ACQUIRE_LOAD
#define FIRST_LOAD_ORDER RELAXED
#else
#define FIRST_LOAD_ORDER ORDERED
#endif
#ifdef SPEC_PAIR
#define NO_WRITER_FENCE
#define NO_READER_FENCE
#define STAMP_ORDER ORDERED
#else
#define STAMP_ORDER RELAXED
#endif
#ifdef ORDERED_COPY
#define NO_WRITER_FENCE
#define NO_READER_FENCE
#define COPY_ORDER ORDERED
#else
#define COPY_ORDER RELAXED
#endif

#define IN_PROGRESS(s) ((s) << 1)
#define COMMITTED(s) (((s) << 1) | 1)

mtype = { payload_word, header_word, stamp_word }; /* names for printf: 1 is the last one */

typedef View { byte newest[WORDS] };
typedef Store { byte value; View known };
typedef Word { Store made[STORES]; byte last };

Word memory[WORDS];
View writer_now;      /* everything the writer did */
View writer_released; /* what it had done at its last release fence */
View reader_now;      /* what the reader's next load must respect */
View reader_pending;  /* and what it must after an acquire fence */

inline copy_view(to, from) {
    to.newest[STAMP] = from.newest[STAMP];
    to.newest[HEADER] = from.newest[HEADER];
    to.newest[PAYLOAD] = from.newest[PAYLOAD];
}

#define MAX(a, b) ((a) > (b) -> (a) : (b))
inline join_view(to, from) {
    to.newest[STAMP] = MAX(to.newest[STAMP], from.newest[STAMP]);
    to.newest[HEADER] = MAX(to.newest[HEADER], from.newest[HEADER]);
    to.newest[PAYLOAD] = MAX(to.newest[PAYLOAD], from.newest[PAYLOAD]);
}

inline do_store(word, what, order) {
    d_step {
        memory[word].last++;
        at = memory[word].last;
        memory[word].made[at].value = what;
        writer_now.newest[word] = at;
        if
        :: order == ORDERED -> copy_view(memory[word].made[at].known, writer_now)
        :: else -> copy_view(memory[word].made[at].known, writer_released)
        fi;
        memory[word].made[at].known.newest[word] = at;
        printf("writer: %e = %d (store %d of this word)\n", word + 1, what, at);
        at = 0
    }
}

inline do_load(word, result, order) {
    atomic {
        at = reader_now.newest[word];
        do
        :: at < memory[word].last -> at++
        :: break
        od;
        result = memory[word].made[at].value;
        join_view(reader_pending, memory[word].made[at].known);
        reader_now.newest[word] = at;
        if
        :: order == ORDERED -> join_view(reader_now, memory[word].made[at].known)
        :: else
        fi;
        printf("reader: %e is %d (store %d of %d)\n", word + 1, result, at, memory[word].last);
        at = 0
    }
}

/* A writer that is killed is one that is not scheduled any more: every prefix of this is checked. */
active proctype writer() {
    byte seq, at;
    do
    :: seq < FRAMES ->
#ifndef NO_IN_PROGRESS
        do_store(STAMP, IN_PROGRESS(seq), STAMP_ORDER); /* seqlock_begin */
#endif
#ifndef NO_WRITER_FENCE
        d_step { copy_view(writer_released, writer_now) };
#endif
        do_store(PAYLOAD, seq + 1, COPY_ORDER);
        do_store(HEADER, seq + 1, COPY_ORDER);
        do_store(STAMP, COMMITTED(seq), COMMIT_ORDER); /* seqlock_commit */
        seq++
    :: else -> break
    od
}

active proctype reader() {
    byte reads, at, first, second, header, payload;
    do
    :: reads < READS ->
        reads++;
        do_load(STAMP, first, FIRST_LOAD_ORDER); /* seqlock_load */
        if
        :: (first & 1) == 0 -> skip /* in progress: dropped, never waited for */
        :: else ->
            do_load(HEADER, header, COPY_ORDER);
            do_load(PAYLOAD, payload, COPY_ORDER);
#ifndef NO_READER_FENCE
            d_step { copy_view(reader_now, reader_pending) }; /* seqlock_unchanged */
#endif
#ifdef NO_SECOND_LOAD
            second = first;
#else
            do_load(STAMP, second, STAMP_ORDER);
#endif
            if
            :: second != first -> skip /* overwritten meanwhile: dropped */
            :: else ->
                printf("accepted frame %d: header of frame %d, payload of frame %d\n", first >> 1, header - 1,
                       payload - 1);
#ifdef REACHABLE
                assert(first != COMMITTED(FRAMES - 1))
#else
                assert(header == (first >> 1) + 1 && payload == (first >> 1) + 1)
#endif
            fi
        fi;
        first = 0; second = 0; header = 0; payload = 0
    :: else -> break
    od
}
