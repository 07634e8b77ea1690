// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// `--metrics` of every program that runs for long: what a scrape of a real process says.

#include "apps/prometheus_text.hpp"
#include "apps/tp_fixture.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <regex>

namespace tensorpool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TpMetricsTest : public TpTest {
protected:
    /// Two streams, an answer to discovery requests and a supervisor.
    [[nodiscard]] std::string driver_config() const {
        return write_config(
            "[streams.out]\nstream_id = 20000\nprofile = \"small\"\n[supervisor]\n"
            "[discovery]\nmetadata_channel = \"aeron:ipc?term-length=4m\"\nmetadata_stream_id = 1300\n");
    }
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name)) << text;
        return path(name);
    }
    [[nodiscard]] std::vector<std::string> produce(const std::string& stream_id) const {
        return {"produce", "--stream-id", stream_id, "--allow", shm_dir(),
                "--shape", "16,16",       "--rate",  "200"};
    }
    [[nodiscard]] std::vector<std::string> consume(const std::string& stream_id) const {
        return {"consume", "--stream-id", stream_id, "--allow", shm_dir()};
    }
    /// Where a program says its metrics are.
    static std::uint16_t metrics_port(Program& program) {
        std::smatch match;
        std::string text;
        EXPECT_TRUE(eventually([&] {
            text = program.err();
            return std::regex_search(text, match, std::regex("metrics at http://127.0.0.1:(\\d+)/metrics\n"));
        })) << text;
        return match.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoul(match[1]));
    }
    static PrometheusText scrape(Program& program) {
        return PrometheusText(http_get(metrics_port(program), "/metrics").value_or("nothing"));
    }
};

#ifdef TP_HAVE_PROMETHEUS

/// A program under test beside a driver, and what its own roles must show once frames flow.
struct Scraped {
    std::string program;
    std::function<std::vector<std::string>(const std::string& dir)> words;
    std::vector<std::string> rising;  ///< counters that become positive
};

void PrintTo(const Scraped& scraped, std::ostream* os) {
    *os << scraped.program;
}

const std::string kChannel = "\"aeron:ipc?term-length=4m\"\n";

class ScrapeTest : public TpMetricsTest, public testing::WithParamInterface<Scraped> {};

// spec: OBS-006, OBS-007
TEST_P(ScrapeTest, FollowsTheConventionsOfPrometheus) {
    const bool is_driver = GetParam().program == "driver";
    std::vector<std::string> words = GetParam().words(dir.str());
    words.insert(words.end(), {"--metrics", "127.0.0.1:0", "--histograms", "frames"});
    std::unique_ptr<Program> driver;
    if (!is_driver) {
        driver = tp({"driver", driver_config()});
        EXPECT_TRUE(eventually([&] { return driver->err().find(" runs on ") != std::string::npos; }));
    } else {
        (void)driver_config();
    }
    // What the program works on, and who asks it.
    const auto producer = tp(produce("10000"));
    const auto consumer = tp(consume("10000"));
    const auto program = tp(words, {"TP_INSTANCE=lab-1"});
    ASSERT_TRUE(eventually([&] {
        if (GetParam().program == "discovery")
            (void)run({"discover", "--request-stream-id", "7000", "--timeout-ms", "500"});
        const PrometheusText text = scrape(*program);
        return std::all_of(GetParam().rising.begin(), GetParam().rising.end(),
                           [&](const std::string& name) { return text.value(name).value_or(0) > 0; });
    })) << program->err()
        << http_get(metrics_port(*program), "/metrics").value_or("no answer");
    const PrometheusText text = scrape(*program);
    EXPECT_THAT(text.problems(), ElementsAre());
    // Every series is of a role in this process, says whose it is, and only rises when it is a counter.
    for (const auto& family : text.families()) {
        if (family.name.starts_with("exposer_")) continue;
        for (const auto& sample : family.samples) {
            EXPECT_TRUE(std::any_of(sample.labels.begin(), sample.labels.end(), [](const auto& label) {
                return label.first.ends_with("_id") && label.first != "stream_id";
            })) << sample.name;
        }
    }
    const std::string first = GetParam().rising.front();
    EXPECT_EQ(text.family(first)->type, "counter");
    EXPECT_TRUE(eventually([&] { return scrape(*program).value(first) >= text.value(first); }));
    program->signal(SIGTERM);
    EXPECT_EQ(program->wait(), 0) << program->err();
}

INSTANTIATE_TEST_SUITE_P(
    EveryLongRunningProgram, ScrapeTest,
    testing::Values(
        Scraped{"driver",
                [](const std::string& d) {
                    return std::vector<std::string>{"driver", d + "/driver.toml"};
                },
                {"tensorpool_driver_attach_responses_total", "tensorpool_supervisor_producer_qos_total",
                 "tensorpool_discovery_announces_total", "tensorpool_driver_poll_seconds_count"}},
        Scraped{"supervisor",
                [](const std::string& d) {
                    return std::vector<std::string>{"supervisor", d + "/driver.toml", "--observe"};
                },
                {"tensorpool_supervisor_liveness_checks_total", "tensorpool_supervisor_consumer_qos_total"}},
        Scraped{"produce",
                [](const std::string& d) {
                    return std::vector<std::string>{"produce", "--stream-id", "20000",  "--allow", d + "/shm",
                                                    "--shape", "4",           "--rate", "200"};
                },
                {"tensorpool_producer_frames_published_total", "tensorpool_producer_committed_bytes_total",
                 "tensorpool_producer_publish_latency_seconds_count"}},
        Scraped{"consume",
                [](const std::string& d) {
                    return std::vector<std::string>{"consume", "--stream-id", "10000", "--allow", d + "/shm"};
                },
                {"tensorpool_consumer_frames_delivered_total",
                 "tensorpool_consumer_descriptor_to_read_seconds_count"}},
        Scraped{"bridge",
                [](const std::string& d) {
                    std::ofstream(d + "/bridge.toml")
                        << "[bridge]\ninstance_id = \"b-1\"\nforward_metadata = false\n"
                        << "payload_channel = " << kChannel << "payload_stream_id = 3000\n"
                        << "control_channel = " << kChannel << "control_stream_id = 3001\n"
                        << "[local]\nallowed_base_dirs = [\"" << d << "/shm\"]\n"
                        << "[[mappings]]\nsource_stream_id = 10000\ndest_stream_id = 20000\n";
                    return std::vector<std::string>{"bridge", d + "/bridge.toml"};
                },
                {"tensorpool_bridge_frames_forwarded_total", "tensorpool_bridge_chunks_sent_total",
                 "tensorpool_bridge_control_forwarded_total", "tensorpool_bridge_frames_rematerialized_total",
                 "tensorpool_producer_frames_published_total", "tensorpool_consumer_frames_delivered_total"}},
        Scraped{"discovery",
                [](const std::string& d) {
                    std::ofstream(d + "/discovery.toml")
                        << "[discovery_registry]\nchannel = " << kChannel << "stream_id = 7000\n"
                        << "[[discovery_registry.endpoints]]\ndriver_instance_id = \"driver-01\"\n"
                        << "announce_channel = " << kChannel << "announce_stream_id = 1000\n"
                        << "driver_control_channel = " << kChannel << "driver_control_stream_id = 1000\n";
                    return std::vector<std::string>{"discovery", d + "/discovery.toml"};
                },
                {"tensorpool_discovery_requests_total", "tensorpool_discovery_responses_ok_total",
                 "tensorpool_discovery_announces_total"}},
        Scraped{
            "rate_limiter",
            [](const std::string& d) {
                std::ofstream(d + "/limiter.toml")
                    << "[rate_limiter]\ninstance_id = \"limiter-1\"\n"
                    << "descriptor_channel = " << kChannel << "descriptor_stream_id = 1100\n"
                    << "driver_control_channel = " << kChannel << "driver_control_stream_id = 1000\n"
                    << "metadata_channel = " << kChannel << "metadata_stream_id = 1300\n"
                    << "shm_base_dir = \"" << d << "/shm\"\n"
                    << "[[mappings]]\nsource_stream_id = 10000\ndest_stream_id = 20000\nmax_rate_hz = 20\n";
                return std::vector<std::string>{"rate-limiter", d + "/limiter.toml"};
            },
            {"tensorpool_rate_limiter_frames_published_total",
             "tensorpool_rate_limiter_published_bytes_total", "tensorpool_rate_limiter_drops_rate_total"}},
        Scraped{
            "join",
            [](const std::string& d) {
                std::ofstream(d + "/map.toml") << "[merge_map]\nout_stream_id = 30000\n"
                                               << "rules = [{ input_stream_id = 10000, offset = 0 }]\n";
                return std::vector<std::string>{"join", d + "/map.toml", "--allow", d + "/shm", "--quiet"};
            },
            {"tensorpool_join_ready_total", "tensorpool_join_maps_applied_total"}},
        Scraped{"trace_record",
                [](const std::string& d) {
                    return std::vector<std::string>{"trace",      "record",  d + "/run.db",
                                                    "--untraced", "--allow", d + "/shm"};
                },
                {"tensorpool_trace_recorder_frames_total", "tensorpool_trace_recorder_rows_written_total"}}),
    [](const auto& tested) { return tested.param.program; });

TEST_F(TpMetricsTest, ShowOnlyTheRolesOfTheirProcessAndWhoTheyAre) {
    const auto driver = tp({"driver", driver_config(), "--metrics", "127.0.0.1:0"});
    std::vector<std::string> words = produce("10000");
    words.insert(words.end(), {"--producer-id", "77", "--metrics", "localhost:0"});
    const auto producer = tp(words, {"TP_INSTANCE=daq-1"});
    const PrometheusText::Labels labels{
        {"producer_id", "77"}, {"stream_id", "10000"}, {"producer_instance", "daq-1"}};
    EXPECT_TRUE(eventually([&] {
        return scrape(*producer).value("tensorpool_producer_frames_published_total", labels).value_or(0) > 0;
    }));
    EXPECT_FALSE(scrape(*producer).family("tensorpool_driver_streams"));
    EXPECT_EQ(scrape(*producer).family("tensorpool_producer_next_seq")->type, "gauge");
    EXPECT_FALSE(scrape(*driver).family("tensorpool_producer_next_seq"));
    EXPECT_TRUE(eventually([&] {
        return scrape(*driver).value("tensorpool_driver_attach_responses_total",
                                     {{"driver_id", "32767"}, {"driver_instance", "driver-01"}}) == 1;
    }));
    EXPECT_FALSE(http_get(metrics_port(*driver), "/other")) << "404";
}

TEST_F(TpMetricsTest, MetricsRefuseABadAddressWithOneLine) {
    for (const char* address :
         {"127.0.0.1", "9464", "0.0.0.0:9464", "192.168.1.1:9464", "127.0.0.1:70000",
          "127.0.0.1:", "127.0.0.1:12x", "nowhere:1", ":9464", "127.0.0.1:0,0.0.0.0:0"}) {
        EXPECT_EQ(run({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape",
                       "4", "--metrics", address}),
                  2)
            << address;
        EXPECT_THAT(err, HasSubstr(std::string("--metrics ") + address)) << address;
        EXPECT_THAT(err, HasSubstr("for example 127.0.0.1:9464"));
        EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    }
}

TEST_F(TpMetricsTest, MetricsOnAPortInUseEndTheProgramWithOneLine) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
    ASSERT_EQ(::listen(fd, 1), 0);
    socklen_t length = sizeof(at);
    ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &length), 0);
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape", "4",
                   "--metrics", "127.0.0.1:" + std::to_string(ntohs(at.sin_port))}),
              1);
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    ::close(fd);
}

#else

TEST_F(TpMetricsTest, MetricsAreRefusedByABuildWithoutPrometheus) {
    EXPECT_EQ(run({"produce", "--stream-id", "1", "--standalone", "--shm-base-dir", shm_dir(), "--shape", "4",
                   "--metrics", "127.0.0.1:0"}),
              1);
    EXPECT_THAT(err, HasSubstr("prometheus-cpp-dev"));
}

#endif

}  // namespace
}  // namespace tensorpool::test
