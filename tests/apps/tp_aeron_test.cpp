// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The programs with their messages on Aeron.

#include "apps/tp_fixture.hpp"
#include "support/media_driver.hpp"

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class TpAeronTest : public TpTest {
protected:
    [[nodiscard]] std::string aeron_dir() const { return path("aeron"); }
    [[nodiscard]] std::vector<std::string> on_aeron(std::vector<std::string> words,
                                                    const std::string& directory) const {
        words.insert(words.end(), {"--messaging", "aeron", "--aeron-dir", directory});
        return words;
    }
    /// A driver that serves.
    [[nodiscard]] std::unique_ptr<Program> start(const std::vector<std::string>& words) const {
        auto driver = tp(words);
        EXPECT_TRUE(eventually([&] { return driver->err().find(" runs on ") != std::string::npos; }))
            << driver->err();
        return driver;
    }
    /// Frames from a producer through a driver to a consumer.
    void expect_frames(const std::string& directory) {
        const auto producer =
            tp(on_aeron({"produce", "--stream-id", "10000", "--shape", "100,200", "--pattern", "seq",
                         "--rate", "500", "--allow", shm_dir(), "--json"},
                        directory));
        EXPECT_EQ(run(on_aeron({"consume", "--stream-id", "10000", "--verify", "--frames", "50",
                                "--duration-s", "60", "--allow", shm_dir(), "--json"},
                               directory)),
                  0)
            << err << producer->err();
        const auto lines = json_lines(out);
        ASSERT_FALSE(lines.empty());
        EXPECT_EQ(lines.back().at("frames"), 50);
        EXPECT_EQ(lines.back().at("bad_frames"), 0);
        producer->signal(SIGTERM);
        EXPECT_EQ(producer->wait(), 0) << producer->err();
    }
};

TEST_F(TpAeronTest, DriverProducerAndConsumerTalkThroughAnAeronmd) {
    const AeronmdProcess media_driver;
    const auto driver = start(on_aeron({"driver", write_config()}, media_driver.dir()));
    expect_frames(media_driver.dir());
    driver->signal(SIGTERM);
    EXPECT_EQ(driver->wait(), 0) << driver->err();
    EXPECT_EQ(files_left(), 0);
}

TEST_F(TpAeronTest, TheDriverMayBringTheMediaDriverAlong) {
    if (!messaging::has_media_driver()) GTEST_SKIP() << "this Aeron came without libaeron_driver";
    const auto driver = start(on_aeron({"driver", write_config(), "--embedded-media-driver"}, aeron_dir()));
    expect_frames(aeron_dir());
    EXPECT_EQ(run(on_aeron({"driver", write_config(), "--embedded-media-driver"}, aeron_dir())), 1);
    EXPECT_THAT(err, HasSubstr("a media driver is active"));
    driver->signal(SIGTERM);
    EXPECT_EQ(driver->wait(), 0) << driver->err();
    EXPECT_FALSE(std::filesystem::exists(aeron_dir()));
}

TEST_F(TpAeronTest, SaysInOneLineWhereNoMediaDriverIs) {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"driver", write_config()}, {"produce", "--stream-id", "1"}, {"consume", "--stream-id", "1"}}) {
        EXPECT_EQ(run(on_aeron(words, aeron_dir())), 1) << words.front();
        EXPECT_THAT(err, AllOf(HasSubstr("no media driver"), HasSubstr(aeron_dir()), HasSubstr("aeronmd")));
        EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    }
    EXPECT_EQ(files_left(), 0);
}

TEST_F(TpAeronTest, RefusesAMediaDriverForTheEmbeddedMessaging) {
    EXPECT_EQ(run({"driver", write_config(), "--embedded-media-driver"}), 1);
    EXPECT_THAT(err, HasSubstr("only messaging 'aeron'"));
}

}  // namespace
}  // namespace tensorpool::test
