// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/allocation_counter.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/trace_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kHuge = 0xF123456789ABCDEF;  // negative as SQLite sees it

class TraceStoreTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string path() const { return dir_.str() + "/run.db"; }
    [[nodiscard]] TraceStore open() const { return TraceStore({.path = path()}); }
    static TracedFrame frame(std::uint32_t stream, std::uint64_t seq, std::uint64_t trace_id,
                             std::uint64_t t_ns = 0, std::uint64_t epoch = 1) {
        return {stream, epoch, seq, 42, t_ns == 0 ? seq : t_ns, trace_id, TraceFrameStatus::Ok};
    }
    /// The outcome of plain SQL.
    [[nodiscard]] std::string sql(const char* text) const {
        sqlite3* database = nullptr;
        sqlite3_open(path().c_str(), &database);
        std::string out;
        char* problem = nullptr;
        sqlite3_exec(
            database, text,
            [](void* to, int columns, char** values, char**) {
                for (int i = 0; i < columns; ++i)
                    *static_cast<std::string*>(to) +=
                        std::string(values[i] != nullptr ? values[i] : "NULL") + ' ';
                return 0;
            },
            &out, &problem);
        if (problem != nullptr) out = problem;
        sqlite3_free(problem);
        sqlite3_close(database);
        return out;
    }
    [[nodiscard]] std::string refusal() const {
        try {
            const TraceStore store = open();
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    }
    [[nodiscard]] Lineage lineage(std::uint64_t id,
                                  LineageDirection direction = LineageDirection::Parents) const {
        return TraceReader(path()).lineage({.trace_id = id, .direction = direction});
    }
    static std::set<std::uint64_t> ids_of(const Lineage& lineage) {
        std::set<std::uint64_t> ids;
        for (const LineageNode& node : lineage.nodes) ids.insert(node.trace_id);
        return ids;
    }

    TempDir dir_{false};
};

// spec: TRACE-032 TRACE-036
TEST_F(TraceStoreTest, KeepsFramesLinksWindowsAndNodesInOneTransactionOfAWriteAheadLog) {
    TraceStore store = open();
    store.add(frame(10001, 7, 100, 555));
    store.add_link(300, 100);
    store.add(TraceWindow{400, 10001, 1, 5, 9, std::nullopt, std::nullopt});
    store.add(TraceNode{12, 42, 999});
    EXPECT_EQ(store.pending_rows(), 4U);
    EXPECT_EQ(TraceReader(path()).totals().frames, 0U) << "nothing before the commit";
    ASSERT_TRUE(store.commit());
    EXPECT_EQ(store.pending_rows(), 0U);
    EXPECT_EQ(store.counters().commits, 1U);
    EXPECT_EQ(store.counters().rows_written, 4U);
    const TraceReader reader(path());  // while the writer is open
    EXPECT_EQ(reader.totals().frames, 1U);
    EXPECT_EQ(reader.totals().links, 1U);
    EXPECT_EQ(reader.totals().windows, 1U);
    EXPECT_THAT(reader.nodes(), ElementsAre(TraceNode{12, 42, 999}));
    EXPECT_EQ(reader.trace_of(10001, 1, 7), 100U);
    EXPECT_EQ(reader.trace_of(10001, 1, 8), std::nullopt);
    EXPECT_THAT(reader.newest_frames(0, 5), ElementsAre(frame(10001, 7, 100, 555)));
    EXPECT_EQ(sql("PRAGMA journal_mode"), "wal ");
    EXPECT_EQ(sql("SELECT * FROM frames"), "10001 1 7 42 555 100 0 ");
    EXPECT_EQ(sql("PRAGMA integrity_check"), "ok ");
}

TEST_F(TraceStoreTest, GoesOnWithAnExistingFileAndCountsWhatItKnows) {
    {
        TraceStore store = open();
        store.add(frame(1, 1, 10));
        ASSERT_TRUE(store.commit());
    }
    TraceStore store = open();
    store.add(frame(1, 1, 10));
    store.add(frame(1, 2, 11));
    ASSERT_TRUE(store.commit());
    EXPECT_EQ(store.counters().rows_written, 1U);
    EXPECT_EQ(store.counters().rows_known, 1U);
    EXPECT_EQ(TraceReader(path()).totals().frames, 2U);
}

TEST_F(TraceStoreTest, IdsAndEpochsOfTheUpperHalfComeBackAsTheyWere) {
    TraceStore store = open();
    store.add(frame(0xFFFFFFFE, kHuge, kHuge, kHuge, kHuge));
    store.add_link(kHuge, kHuge - 1);
    ASSERT_TRUE(store.commit());
    const Lineage found = lineage(kHuge);
    ASSERT_EQ(found.nodes.size(), 2U);
    EXPECT_THAT(found.nodes[0].frames, ElementsAre(frame(0xFFFFFFFE, kHuge, kHuge, kHuge, kHuge)));
    EXPECT_EQ(found.nodes[1].trace_id, kHuge - 1);
}

TEST_F(TraceStoreTest, RefusesFilesThatAreNoTraceStoreAndLeavesThemAlone) {
    std::ofstream(path()) << "this is not a database, it is a diary of more than a hundred bytes: "
                             "on monday nothing happened, on tuesday it rained, on wednesday too";
    EXPECT_THAT(refusal(), HasSubstr("not a database"));
    std::filesystem::remove(path());
    std::ignore = sql("CREATE TABLE mine(x); INSERT INTO mine VALUES(1);");
    EXPECT_THAT(refusal(), HasSubstr("not a trace store"));
    EXPECT_EQ(sql("SELECT count(*) FROM sqlite_schema"), "1 ");
    EXPECT_THROW(TraceReader{path()}, Error);
    std::filesystem::remove(path());
    EXPECT_THROW(TraceReader{path()}, Error) << "reading makes no file";
    EXPECT_FALSE(std::filesystem::exists(path()));
    EXPECT_EQ(refusal(), "accepted");
    std::ignore = sql("PRAGMA user_version = 2");
    EXPECT_THAT(refusal(), HasSubstr("version 2"));
    std::filesystem::remove(path());
    std::filesystem::create_directory(path());
    EXPECT_THAT(refusal(), HasSubstr(path()));
}

TEST_F(TraceStoreTest, KeepsRowsThatCannotBeWrittenUntilTheyCanAndDropsBeyondItsLimit) {
    TraceStore store({.path = path(), .max_pending_rows = 3, .busy_timeout_ms = 1});
    sqlite3* other = nullptr;
    sqlite3_open(path().c_str(), &other);
    sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);  // somebody holds the file
    for (std::uint64_t seq = 1; seq <= 4; ++seq) store.add(frame(1, seq, seq));
    EXPECT_EQ(store.counters().rows_dropped, 1U);
    EXPECT_FALSE(store.commit());
    EXPECT_EQ(store.counters().commits_failed, 1U);
    EXPECT_THAT(store.last_error(), HasSubstr("locked"));
    EXPECT_EQ(store.pending_rows(), 3U);
    sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
    sqlite3_close(other);
    EXPECT_TRUE(store.commit());
    EXPECT_EQ(store.last_error(), "");
    EXPECT_EQ(TraceReader(path()).totals().frames, 3U);
}

// spec: TRACE-035
TEST_F(TraceStoreTest, WalksALineageOverManyHopsInBothDirections) {
    TraceStore store = open();
    // 1 and 2 join to 10, 10 and 3 join to 20, 20 passes two stages; 10 also leads to 30.
    for (const std::uint64_t root : {1U, 2U, 3U})
        store.add(frame(10000 + static_cast<std::uint32_t>(root), 5, root));
    store.add_link(10, 1);
    store.add_link(10, 2);
    store.add_link(20, 10);
    store.add_link(20, 3);
    store.add_link(30, 10);
    store.add(frame(20001, 9, 20, 900));
    store.add(frame(20002, 8, 20, 800));
    ASSERT_TRUE(store.commit());

    const Lineage parents = lineage(20);
    EXPECT_EQ(ids_of(parents), (std::set<std::uint64_t>{20, 10, 3, 1, 2}));
    EXPECT_FALSE(parents.truncated);
    EXPECT_EQ(parents.nodes[0].depth, 0);
    EXPECT_THAT(parents.nodes[0].frames, ElementsAre(frame(20002, 8, 20, 800), frame(20001, 9, 20, 900)))
        << "a chain, by time";
    EXPECT_EQ(parents.find(10)->depth, -1);
    EXPECT_EQ(parents.find(1)->depth, -2);
    EXPECT_THAT(parents.find(1)->frames, ElementsAre(frame(10001, 5, 1)));
    EXPECT_THAT(parents.find(10)->parents, UnorderedElementsAre(1, 2));

    const Lineage children = lineage(1, LineageDirection::Children);
    EXPECT_EQ(ids_of(children), (std::set<std::uint64_t>{1, 10, 20, 30}));
    EXPECT_EQ(children.find(20)->depth, 2);
    EXPECT_EQ(ids_of(lineage(10, LineageDirection::Both)), (std::set<std::uint64_t>{1, 2, 10, 20, 30}));
    EXPECT_EQ(lineage(999).nodes.size(), 1U);
}

TEST_F(TraceStoreTest, EndsOnCyclesAndAtItsLimitsWhateverTheFileHolds) {
    TraceStore store = open();
    store.add_link(1, 2);
    store.add_link(2, 1);
    store.add_link(5, 5);
    for (std::uint64_t i = 100; i < 300; ++i) store.add_link(i, i + 1);
    ASSERT_TRUE(store.commit());
    EXPECT_EQ(ids_of(lineage(1)), (std::set<std::uint64_t>{1, 2}));
    EXPECT_EQ(TraceReader(path()).totals().links, 202U) << "a frame is never its own parent";
    const TraceReader reader(path());
    const Lineage shallow = reader.lineage({.trace_id = 100, .max_depth = 3});
    EXPECT_EQ(ids_of(shallow), (std::set<std::uint64_t>{100, 101, 102, 103}));
    EXPECT_TRUE(shallow.truncated);
    const Lineage few = reader.lineage({.trace_id = 100, .max_depth = 1000, .max_ids = 10});
    EXPECT_EQ(few.nodes.size(), 10U);
    EXPECT_TRUE(few.truncated);
    EXPECT_FALSE(reader.lineage({.trace_id = 100, .max_depth = 1000}).truncated);
}

// spec: TRACE-037
TEST_F(TraceStoreTest, ExpandsAWindowIntoTheFramesItCoversOnceTheyAreRecorded) {
    TraceStore store = open();
    for (std::uint64_t seq = 10; seq < 20; ++seq) store.add(frame(10001, seq, 1000 + seq));
    store.add(frame(10001, 15, 9999, 0, 2));  // another epoch
    store.add(frame(10002, 15, 8888));        // another stream
    store.add(TraceWindow{500, 10001, 1, 12, 14, std::nullopt, std::nullopt});
    store.add(TraceWindow{501, 10002, 1, 15, 90, std::nullopt, std::nullopt});
    ASSERT_TRUE(store.commit());
    EXPECT_EQ(TraceReader(path()).lineage({.trace_id = 500}).nodes[0].open_windows.size(), 1U);

    const TraceExpansion done = store.expand_windows();
    EXPECT_EQ(done.windows, 1U);
    EXPECT_EQ(done.waiting, 1U) << "seq 90 is not there yet";
    EXPECT_EQ(done.links, 3U);
    const Lineage found = lineage(500);
    EXPECT_EQ(ids_of(found), (std::set<std::uint64_t>{500, 1012, 1013, 1014}));
    EXPECT_THAT(found.nodes[0].open_windows, IsEmpty());
    EXPECT_EQ(store.expand_windows().windows, 0U) << "done is done";
    EXPECT_EQ(store.expand_windows(true).links, 1U);
    EXPECT_EQ(ids_of(lineage(501)), (std::set<std::uint64_t>{501, 8888}));
}

// spec: TRACE-037
TEST_F(TraceStoreTest, ExpandsAWindowOfTimeAndNamesEachParentOnce) {
    TraceStore store = open();
    for (std::uint64_t seq = 0; seq < 40'000; ++seq) store.add(frame(10001, seq, 1 + seq / 2, 1000 + seq));
    store.add(TraceWindow{900'000, 10001, 1, std::nullopt, std::nullopt, 1010, 39'999});
    ASSERT_TRUE(store.commit());
    const TraceExpansion done = store.expand_windows();
    EXPECT_EQ(done.windows, 1U);
    EXPECT_EQ(done.links, 19'495U) << "seq 10 to 38999, two frames to an id, in several transactions";
}

// spec: TRACE-037
TEST_F(TraceStoreTest, WindowsComeFromThePerFrameThreadWithoutAllocating) {
    TraceStore store = open();
    const TraceWindow window{500, 10001, 1, 12, 14, std::nullopt, std::nullopt};
    const std::uint64_t before = allocations_of_this_thread();
    int taken = 0;
    for (int i = 0; i < 1030; ++i) taken += store.offer_window(window) ? 1 : 0;
    EXPECT_EQ(allocations_of_this_thread() - before, 0U);
    EXPECT_EQ(taken, 1024);
    EXPECT_EQ(store.counters().windows_refused, 6U);
    ASSERT_TRUE(store.commit());
    EXPECT_EQ(TraceReader(path()).totals().windows, 1U);
}

/// An id as one of the default layout minted then.
std::uint64_t id_at(std::int64_t unix_ms, std::uint64_t node_and_sequence) {
    return static_cast<std::uint64_t>(unix_ms) << 22 | node_and_sequence;
}

TEST_F(TraceStoreTest, PruningDeletesWhatWasMintedBeforeAndNothingElse) {
    constexpr std::int64_t kCut = 1'700'000'000'000;
    const std::uint64_t old_root = id_at(kCut - 5000, 1);
    const std::uint64_t old_join = id_at(kCut - 1, 4'194'303);  // the last id before
    const std::uint64_t new_root = id_at(kCut, 0);              // the first one after
    const std::uint64_t new_join = id_at(kCut + 9, 3);
    TraceStore store = open();
    store.add(frame(1, 1, old_root));
    store.add(frame(2, 1, old_join));
    store.add(frame(1, 2, new_root));
    store.add(frame(2, 2, new_join));
    store.add(frame(3, 1, 0, 100));  // without an id: by their times
    store.add(frame(3, 2, 0, 200));
    store.add(frame(3, 3, 0, 900));
    store.add(frame(4, 1, kHuge));  // of no layout of ours
    store.add_link(old_join, old_root);
    store.add_link(new_join, old_join);
    store.add_link(new_join, new_root);
    store.add(TraceWindow{.trace_id = old_join, .in_stream_id = 1, .epoch = 1, .seq_start = 1, .seq_end = 1});
    store.add(TraceWindow{.trace_id = new_join, .in_stream_id = 1, .epoch = 1, .seq_start = 2, .seq_end = 2});
    const std::uint64_t cut_ns = static_cast<std::uint64_t>(kCut) * 1'000'000;
    store.add(TraceNode{7, 70, cut_ns - 900});  // another process has its id since before the cut
    store.add(TraceNode{7, 71, cut_ns - 800});
    store.add(TraceNode{8, 80, cut_ns - 900});  // went on past it
    store.add(TraceNode{8, 81, cut_ns + 100});
    ASSERT_TRUE(store.commit());
    (void)store.expand_windows();

    const TracePruned done =
        store.prune({.before_unix_ms = kCut, .untraced_before_ns = 150, .untraced_after_ns = 800});
    EXPECT_EQ(done.frames, 4u);
    EXPECT_EQ(done.links, 1u);
    EXPECT_EQ(done.windows, 1u);
    EXPECT_EQ(done.nodes, 1u);
    EXPECT_EQ(sql("SELECT stream_id, seq FROM frames ORDER BY 1, 2"), "1 2 2 2 3 2 4 1 ");
    EXPECT_EQ(sql("SELECT count(*) FROM trace_windows_expanded"), "1 ");
    EXPECT_THAT(ids_of(lineage(new_join)), UnorderedElementsAre(new_join, new_root, old_join))
        << "links to what is gone stay";
    EXPECT_TRUE(lineage(new_join).find(old_join)->frames.empty());
    EXPECT_EQ(sql("SELECT node_id, process_id FROM trace_nodes ORDER BY 1, 2"), "7 71 8 80 8 81 ");
    EXPECT_EQ(store.prune({.before_unix_ms = kCut}).frames, 0u) << "again: nothing is left to do";
    EXPECT_THROW((void)store.prune({.before_unix_ms = -1}), Error);
}

TEST_F(TraceStoreTest, PruningGivesSpaceBackWhileAnotherWriterGoesOn) {
    constexpr std::int64_t kCut = 1'700'000'000'000;
    TraceStore store = open();
    TraceStore recorder = open();
    constexpr std::uint64_t kRows = 30'000;  // more than one transaction takes
    for (std::uint64_t seq = 0; seq < kRows; ++seq) store.add(frame(1, seq, id_at(kCut - 1000, seq)));
    ASSERT_TRUE(store.commit());
    EXPECT_EQ(store.prune({.before_unix_ms = kCut - 2000}).frames, 0u) << "but the log is written back";
    const auto grown = std::filesystem::file_size(path());
    ASSERT_GT(grown, 1'000'000u);
    recorder.add(frame(2, 1, id_at(kCut + 1, 1)));
    ASSERT_TRUE(recorder.commit());
    EXPECT_EQ(store.prune({.before_unix_ms = kCut, .vacuum = true}).frames, kRows);
    EXPECT_LT(std::filesystem::file_size(path()), grown / 4);
    EXPECT_EQ(std::filesystem::file_size(path() + "-wal"), 0u);
    recorder.add(frame(2, 2, id_at(kCut + 1, 2)));
    EXPECT_TRUE(recorder.commit()) << recorder.last_error();
    EXPECT_EQ(sql("SELECT count(*) FROM frames"), "2 ");
    EXPECT_EQ(sql("PRAGMA integrity_check"), "ok ");
}

}  // namespace
}  // namespace tensorpool::test
