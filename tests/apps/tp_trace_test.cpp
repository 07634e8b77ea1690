// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp trace: real processes record, are killed, go on, and answer.

#include "apps/tp_fixture.hpp"

#include "messaging/messaging.hpp"

#include <tensorpool/trace_store.hpp>

#include <set>

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class TpTraceTest : public TpTest {
protected:
    [[nodiscard]] std::string db() const { return path("run.db"); }
    [[nodiscard]] std::unique_ptr<Program> start_recorder(std::vector<std::string> more = {}) const {
        std::vector<std::string> words{"trace",      "record", db(),           "--allow", shm_dir(),
                                       "--batch-ms", "5",      "--interval-s", "0",       "--json"};
        words.insert(words.end(), more.begin(), more.end());
        auto recorder = tp(words);
        EXPECT_TRUE(eventually([&] { return recorder->err().find("recording into") != std::string::npos; }))
            << recorder->err();
        return recorder;
    }
    [[nodiscard]] std::unique_ptr<Program> start_producer(const std::string& rate = "500") const {
        return tp({"produce", "--stream-id", "10000", "--shape", "16", "--rate", rate, "--trace", "--allow",
                   shm_dir(), "--json"});
    }
    [[nodiscard]] std::unique_ptr<Program> start_stage() const {
        return std::make_unique<Program>(std::vector<std::string>{TP_STAGE, "10000", "20000", shm_dir()},
                                         messaging_environment());
    }
    [[nodiscard]] std::uint64_t frames_recorded() const {
        return std::filesystem::exists(db()) ? TraceReader(db()).totals().frames : 0;
    }
    [[nodiscard]] bool records_more_than(std::uint64_t frames) const {
        return eventually([&] { return frames_recorded() > frames; });
    }
    static int stop(Program& program) {
        program.signal(SIGINT);
        return program.wait();
    }
    nlohmann::json lineage_of(const std::string& frame) {
        EXPECT_EQ(run({"trace", "lineage", db(), "--frame", frame, "--json"}), 0) << err;
        return out.empty() ? nlohmann::json() : nlohmann::json::parse(out);
    }
    /// A store of three roots, a join and a join of that.
    void make_store() const {
        TraceStore store({.path = db()});
        for (std::uint32_t camera = 1; camera <= 3; ++camera)
            store.add(TracedFrame{10000 + camera, 1, 5, 9, 100 + camera, camera, TraceFrameStatus::Ok});
        store.add(TracedFrame{20000, 1, 6, 9, 200, 10, TraceFrameStatus::ReceiveTime});
        store.add_link(10, 1);
        store.add_link(10, 2);
        store.add_link(20, 10);
        store.add_link(20, 3);
        store.add_link(20, 1);
        store.add(TraceWindow{3, 10001, 1, 1, 5, std::nullopt, std::nullopt});
        ASSERT_TRUE(store.commit());
    }
};

// spec: TRACE-012 TRACE-013 TRACE-017 TRACE-010
TEST_F(TpTraceTest, TheLineageOfAStagesFrameNamesTheExactFrameItWasMadeFrom) {
    const auto driver =
        tp({"driver", write_config("[streams.out]\nstream_id = 20000\nprofile = \"small\"\n")});
    ASSERT_TRUE(eventually([&] { return driver->err().find(" runs on ") != std::string::npos; }));
    const auto recorder = start_recorder();
    const auto stage = start_stage();
    // The recorder reads a frame's slot for the capture time: it stays what it is for sixteen frames.
    const auto producer = tp({"produce", "--stream-id", "10000", "--shape", "8,8", "--rate", "20", "--trace",
                              "--allow", shm_dir(), "--json"});
    ASSERT_TRUE(eventually([&] {
        const TraceReader reader(db());
        return !reader.newest_frames(20000, 5).empty() && reader.nodes().size() >= 2;
    })) << recorder->err()
        << stage->err();
    EXPECT_EQ(stop(*producer), 0);
    EXPECT_EQ(stop(*stage), 0);
    EXPECT_EQ(stop(*recorder), 0) << recorder->err();

    const auto said = json_lines(stage->out()).back();
    const auto id = [](const char* stream, const nlohmann::json& frame) {
        return std::string(stream) + ":" + frame.at("epoch").dump() + ":" + frame.at("seq").dump();
    };
    const auto lineage = lineage_of(id("20000", said.at("last_to")));
    ASSERT_EQ(lineage.at("nodes").size(), 1U);
    const auto frames = lineage.at("nodes")[0].at("frames");
    ASSERT_EQ(frames.size(), 2U) << frames;
    EXPECT_EQ(id("10000", frames[0]), id("10000", said.at("last_from")));
    EXPECT_EQ(frames[0].at("stream_id"), 10000);
    EXPECT_EQ(frames[1].at("stream_id"), 20000);
    EXPECT_EQ(frames[0].at("t_ns"), frames[1].at("t_ns")) << "the stage passes the capture time on";
    EXPECT_EQ(frames[0].at("status"), "ok");
    const auto summary = json_lines(producer->out()).back();
    EXPECT_EQ(summary.at("traced"), summary.at("frames"));
    EXPECT_EQ(summary.at("untraced"), 0);

    EXPECT_EQ(run({"trace", "frames", db(), "--stream-id", "20000", "--count", "1", "--json"}), 0);
    const auto listed = nlohmann::json::parse(out);
    EXPECT_EQ(listed.at("newest").size(), 1U);
    EXPECT_GE(listed.at("nodes").size(), 2U) << "the producers' node ids";
    const auto recorded = json_lines(recorder->out()).back();
    EXPECT_EQ(recorded.at("messages_lost_bytes"), 0);
    EXPECT_EQ(recorded.at("rows_dropped"), 0);
}

// spec: TRACE-003
TEST_F(TpTraceTest, ARecorderKilledWhileItWritesLeavesAReadableFileAndItsSuccessorGoesOn) {
    const auto driver = start_driver();
    const auto producer = start_producer("2000");
    const auto reader = tp({"consume", "--stream-id", "10000", "--allow", shm_dir(), "--json"});
    std::uint64_t before = 0;
    for (int round = 0; round < 8; ++round) {
        const auto recorder = start_recorder();
        ASSERT_TRUE(records_more_than(before)) << "round " << round << ": " << recorder->err();
        recorder->signal(SIGKILL);
        EXPECT_EQ(recorder->wait(), -SIGKILL);
        const std::uint64_t kept = frames_recorded();  // opens and reads it
        EXPECT_GT(kept, before);
        before = kept;
    }
    EXPECT_TRUE(producer->running());
    EXPECT_TRUE(reader->running());
    const auto last = start_recorder();
    ASSERT_TRUE(records_more_than(before));
    EXPECT_EQ(stop(*last), 0) << last->err();
    EXPECT_EQ(stop(*reader), 0);
    EXPECT_EQ(json_lines(reader->out()).back().at("drops_gap"), 0) << "nobody waited for a recorder";
    EXPECT_EQ(stop(*producer), 0);
    // Ids of all runs of the recorder are unique.
    const auto frames = TraceReader(db()).newest_frames(10000, 1U << 30);
    std::set<std::uint64_t> ids;
    for (const TracedFrame& frame : frames) ids.insert(frame.trace_id);
    EXPECT_EQ(ids.size(), frames.size());
}

// spec: TRACE-003
TEST_F(TpTraceTest, AKilledStageCostsOnlyItsOwnFramesAndItsSuccessorIsTracedAgain) {
    const auto driver =
        tp({"driver", write_config("[streams.out]\nstream_id = 20000\nprofile = \"small\"\n")});
    ASSERT_TRUE(eventually([&] { return driver->err().find(" runs on ") != std::string::npos; }));
    const auto recorder = start_recorder();
    // The recorder reads a frame's slot for the capture time: it stays what it is for sixteen frames.
    const auto producer = tp({"produce", "--stream-id", "10000", "--shape", "8,8", "--rate", "20", "--trace",
                              "--allow", shm_dir(), "--json"});
    const auto newest_output = [&] {
        const auto frames = TraceReader(db()).newest_frames(20000, 1);
        return frames.empty() ? TracedFrame{} : frames[0];
    };
    {
        const auto stage = start_stage();
        ASSERT_TRUE(eventually([&] { return frames_recorded() > 0 && newest_output().trace_id != 0; }));
        stage->signal(SIGKILL);
        stage->wait();
    }
    const std::uint64_t epoch = newest_output().epoch;
    const auto successor = start_stage();
    ASSERT_TRUE(eventually([&] { return newest_output().epoch > epoch; })) << successor->err();
    EXPECT_EQ(stop(*successor), 0);
    EXPECT_EQ(stop(*producer), 0);
    EXPECT_EQ(stop(*recorder), 0);
    const TracedFrame output = newest_output();
    const Lineage lineage = TraceReader(db()).lineage({.trace_id = output.trace_id});
    ASSERT_EQ(lineage.nodes[0].frames.size(), 2U);
    EXPECT_EQ(lineage.nodes[0].frames[0].stream_id, 10000U);
}

TEST_F(TpTraceTest, PrintsALineageAsATree) {
    make_store();
    EXPECT_EQ(run({"trace", "lineage", db(), "20"}), 0) << err;
    EXPECT_EQ(out,
              "20  minted 1970-01-01T00:00:00.000Z by node 0\n"
              "│ (none of its frames is recorded)\n"
              "├── 1  minted 1970-01-01T00:00:00.000Z by node 0\n"
              "│     stream 10001 epoch 1 seq 5  t_ns 101\n"
              "├── 3  minted 1970-01-01T00:00:00.000Z by node 0\n"
              "│     stream 10003 epoch 1 seq 5  t_ns 103\n"
              "└── 10  minted 1970-01-01T00:00:00.000Z by node 0\n"
              "    │ stream 20000 epoch 1 seq 6  t_ns 200 (receive_time)\n"
              "    ├── 1  minted 1970-01-01T00:00:00.000Z by node 0  (see above)\n"
              "    └── 2  minted 1970-01-01T00:00:00.000Z by node 0\n"
              "          stream 10002 epoch 1 seq 5  t_ns 102\n");
    EXPECT_THAT(err, HasSubstr("tp trace expand"));
    EXPECT_EQ(run({"trace", "lineage", db(), "1", "--direction", "children"}), 0);
    EXPECT_THAT(out,
                AllOf(StartsWith("1  "), HasSubstr("├── 10"), HasSubstr("20  "), Not(HasSubstr("10002"))));
    EXPECT_EQ(run({"trace", "lineage", db(), "10", "--direction", "both", "--depth", "1"}), 0);
    EXPECT_THAT(out, AllOf(StartsWith("parents\n10"), HasSubstr("children\n10"), HasSubstr("└── 20")));
}

TEST_F(TpTraceTest, PrintsALineageForProgramsAndForGraphviz) {
    make_store();
    EXPECT_EQ(run({"trace", "lineage", db(), "20", "--json"}), 0);
    const auto lineage = nlohmann::json::parse(out);
    EXPECT_EQ(lineage.at("trace_id"), 20);
    EXPECT_EQ(lineage.at("truncated"), false);
    EXPECT_EQ(lineage.at("nodes").size(), 5U);
    EXPECT_EQ(lineage.at("nodes")[0].at("parents"), (std::vector<int>{1, 3, 10}));
    EXPECT_EQ(run({"trace", "lineage", db(), "10", "--direction", "both", "--dot"}), 0);
    EXPECT_THAT(out, AllOf(StartsWith("digraph lineage {"), HasSubstr("\"1\" -> \"10\";"),
                           HasSubstr("\"2\" -> \"10\";"), HasSubstr("\"10\" -> \"20\";"),
                           HasSubstr("stream 10001 seq 5")));
    EXPECT_EQ(run({"trace", "lineage", db(), "20", "--depth", "1", "--json"}), 0);
    EXPECT_EQ(nlohmann::json::parse(out).at("truncated"), true);
    EXPECT_THAT(err, HasSubstr("there is more"));
}

TEST_F(TpTraceTest, ExpandsWindowsForAPeriodicJob) {
    make_store();
    EXPECT_EQ(run({"trace", "expand", db(), "--json"}), 0) << err;
    EXPECT_EQ(nlohmann::json::parse(out), nlohmann::json({{"windows", 1}, {"waiting", 0}, {"links", 1}}));
    EXPECT_EQ(run({"trace", "lineage", db(), "3", "--json"}), 0);
    EXPECT_EQ(nlohmann::json::parse(out).at("nodes").size(), 2U);
}

TEST_F(TpTraceTest, SaysInOneLineWhatCannotBeAnswered) {
    EXPECT_EQ(run({"trace", "lineage", db(), "20"}), 1);
    EXPECT_THAT(err,
                AllOf(StartsWith("tp trace lineage: "), HasSubstr("run.db"), HasSubstr("unable to open")));
    EXPECT_FALSE(std::filesystem::exists(db()));
    std::ofstream(db()) << std::string(4096, 'x');
    EXPECT_EQ(run({"trace", "record", db()}), 1);
    EXPECT_THAT(err, HasSubstr("not a database"));
    std::filesystem::remove(db());
    make_store();
    EXPECT_EQ(run({"trace", "lineage", db(), "4711"}), 1);
    EXPECT_THAT(err, HasSubstr("no frame or link has the trace id 4711"));
    EXPECT_EQ(run({"trace", "lineage", db(), "--frame", "20000:1:99"}), 1);
    EXPECT_THAT(err, HasSubstr("is not recorded"));
    for (const char* wrong : {"20000", "20000:1", "a:b:c", "20000:1:6:7", "99999999999:1:1", "::", ""}) {
        EXPECT_EQ(run({"trace", "lineage", db(), "--frame", wrong}), 2) << wrong;
    }
    EXPECT_EQ(run({"trace", "lineage", db(), "-5"}), 2);
    EXPECT_EQ(run({"trace", "lineage", db(), "1", "--json", "--dot"}), 2);
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--standalone", "--trace"}), 2);
    EXPECT_THAT(err, HasSubstr("--trace-node-id"));
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--trace", "--trace-node-id", "1024"}), 2);
}

// spec: TRACE-020
TEST_F(TpTraceTest, ListenDecodesLinkSets) {
    const auto listener =
        tp({"listen", "--streams", "control", "--types", "TraceLinkSet", "--duration-s", "0"});
    Context context(messaging_options_in(dir));
    TracerOptions tracing;
    tracing.stream_id = 20000;
    tracing.node_id = 1;
    Tracer tracer(context, tracing);
    tracer.set_output(3, std::nullopt);
    const std::vector<std::uint64_t> parents{11, 12};
    EXPECT_TRUE(eventually([&] {
        std::ignore = tracer.link(4, 99, parents);
        context.messaging().do_work(monotonic_now_ns());
        tracer.do_work(monotonic_now_ns());
        return listener->out().find(
                   "TraceLinkSet stream=20000 epoch=3 seq=4 trace_id=99 parents=[11, 12]\n") !=
               std::string::npos;
    })) << listener->out();
}

TEST_F(TpTraceTest, PrunesWhatIsTooOld) {
    make_store();  // ids of 1970
    const std::uint64_t fresh = static_cast<std::uint64_t>(realtime_now_ns() / kNanosPerMilli) << 22;
    {
        TraceStore store({.path = db()});
        store.add(TracedFrame{.stream_id = 10001, .epoch = 9, .seq = 1, .trace_id = fresh});
        store.add_link(fresh, 20);
        ASSERT_TRUE(store.commit());
    }
    const auto before = TraceReader(db()).totals();
    EXPECT_EQ(run({"trace", "prune", db(), "--older-than-s", "3600", "--json"}), 0) << err;
    const auto done = nlohmann::json::parse(out);
    EXPECT_EQ(done.at("frames"), before.frames - 1);
    EXPECT_EQ(done.at("links"), before.links - 1);
    EXPECT_EQ(TraceReader(db()).totals().frames, 1u);
    EXPECT_EQ(run({"trace", "prune", db(), "--older-than-s", "3600", "--vacuum"}), 0) << err;
    EXPECT_THAT(out, HasSubstr("frames=0\nlinks=0\nwindows=0\nnodes=0\nfile_bytes="));
    EXPECT_EQ(run({"trace", "prune", db()}), 2) << "how old?";
    EXPECT_EQ(run({"trace", "prune", dir.str() + "/none.db", "--older-than-s", "1"}), 1);
    EXPECT_FALSE(std::filesystem::exists(dir.str() + "/none.db"));
}

}  // namespace
}  // namespace tensorpool::test
