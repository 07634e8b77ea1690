// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/program.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/producer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace tensorpool {
namespace {

using test::Program;
using testing::HasSubstr;

constexpr std::uint32_t kSlots = 8;
constexpr std::uint32_t kStride = 4096;

/// The files of a standalone producer that published three frames of 12 bytes.
class TpInspectTest : public testing::Test {
protected:
    TpInspectTest() : context({.messaging_dir = dir.str() + "/messaging"}), producer(context, options()) {
        const std::array<std::byte, 12> values{};
        const FrameInfo info{.tensor = image_layout(Dtype::UInt8, 3, 4), .timestamp_ns = 77};
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(producer.offer(values, info));
    }

    [[nodiscard]] ProducerOptions options() const {
        ProducerOptions chosen;
        chosen.stream_id = 10000;
        chosen.standalone =
            StandaloneLayout{.base_dir = dir.str(), .header_nslots = kSlots, .pools = {{1, kStride}}};
        return chosen;
    }
    [[nodiscard]] std::string uri_of(const std::string& file) const {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.str())) {
            if (entry.path().filename() == file) return "shm:file?path=" + entry.path().string();
        }
        return "shm:file?path=/missing";
    }
    [[nodiscard]] std::vector<std::string> words(const std::string& what, const std::string& file,
                                                 const std::vector<std::string>& more = {}) const {
        std::vector<std::string> all{TP_PROGRAM, "inspect", what,        "--allow",
                                     dir.str(),  "--uri",   uri_of(file)};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    test::TempDir dir{true};
    Context context;
    Producer producer;
};

// spec: TOOL-015
TEST_F(TpInspectTest, SummarisesARegionWithTheSizeOfItsFile) {
    Program ring(words("shm-summary", "header.ring"));
    EXPECT_EQ(ring.wait(), 0) << ring.err();
    EXPECT_THAT(ring.out(), HasSubstr("file_size=" + std::to_string(64 + kSlots * 256) + "\n"));
    Program pool(words("shm-summary", "1.pool"));
    EXPECT_EQ(pool.wait(), 0) << pool.err();
    EXPECT_THAT(pool.out(), HasSubstr("file_size=" + std::to_string(64 + kSlots * kStride) + "\n"));
}

// spec: TOOL-016
TEST_F(TpInspectTest, PrintsTheSlotThatWasAskedFor) {
    Program program(words("read-header", "header.ring", {"--index", "2"}));
    EXPECT_EQ(program.wait(), 0) << program.err();
    EXPECT_THAT(program.out(), HasSubstr("seq_commit=5\nseq=2\ntimestamp_ns=77\n"));
    EXPECT_THAT(program.out(), HasSubstr("values_len_bytes=12\npayload_slot=2\n"));
}

// spec: TOOL-016
TEST_F(TpInspectTest, CallsASlotThatWasNeverWrittenUnstable) {
    Program program(words("read-header", "header.ring", {"--index", "7"}));
    EXPECT_EQ(program.wait(), 3);
    EXPECT_EQ(program.out(), "unstable\n");
}

TEST_F(TpInspectTest, RefusesAnIndexBehindTheRing) {
    Program program(words("read-header", "header.ring", {"--index", "8"}));
    EXPECT_EQ(program.wait(), 2);
    EXPECT_THAT(program.err(), HasSubstr("valid is 0..7"));
}

class TpShmCreateTest : public testing::Test {
protected:
    int create(std::vector<std::string> more) {
        std::vector<std::string> all{TP_PROGRAM,    "shm-create", "--shm-base-dir", dir.str(),
                                     "--stream-id", "77",         "--epoch",        "2"};
        all.insert(all.end(), more.begin(), more.end());
        Program program(all);
        const int status = program.wait();
        err = program.err();
        return status;
    }
    [[nodiscard]] int validate(const std::string& file, std::vector<std::string> more) const {
        std::vector<std::string> all{TP_PROGRAM, "shm-validate", "--allow", dir.str(), "--stream-id",
                                     "77",       "--epoch",      "2",       "--uri",   uri_of(file)};
        all.insert(all.end(), more.begin(), more.end());
        return Program(all).wait();
    }
    [[nodiscard]] std::string path_of(const std::string& file) const {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.str())) {
            if (entry.path().filename() == file) return entry.path().string();
        }
        return "/missing";
    }
    [[nodiscard]] std::string uri_of(const std::string& file) const {
        return "shm:file?path=" + path_of(file);
    }

    test::TempDir dir{true};
    std::string err;
};

// spec: TOOL-018
TEST_F(TpShmCreateTest, MakesRegionsThatValidate) {
    EXPECT_EQ(create({"--region", "header", "--nslots", "8"}), 0) << err;
    EXPECT_EQ(create({"--region", "pool", "--nslots", "8", "--pool-id", "3", "--stride-bytes", "4096"}), 0);
    EXPECT_EQ(validate("header.ring", {"--region-type", "header", "--nslots", "8"}), 0);
    EXPECT_EQ(validate("3.pool", {"--region-type", "payload", "--pool-id", "3", "--stride-bytes", "4096"}),
              0);
    EXPECT_EQ(validate("3.pool", {"--pool-id", "4"}), 3);
    EXPECT_EQ(std::filesystem::file_size(path_of("header.ring")), 64U + 8 * 256);
    EXPECT_EQ(std::filesystem::file_size(path_of("3.pool")), 64U + 8 * 4096);
    EXPECT_EQ(std::filesystem::status(path_of("3.pool")).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_THAT(path_of("3.pool"), HasSubstr("/default/77/2/3.pool"));
}

// spec: TOOL-018
TEST_F(TpShmCreateTest, MakesAnythingAnywhereOnlyWhenToldTo) {
    const std::string odd = dir.str() + "/odd.ring";
    EXPECT_EQ(create({"--region", "header", "--nslots", "8", "--noncanonical", odd}), 2);
    EXPECT_THAT(err, HasSubstr("--allow-noncompliant"));
    EXPECT_FALSE(std::filesystem::exists(odd));
    EXPECT_EQ(create({"--region", "header", "--nslots", "7", "--layout-version", "9", "--noncanonical", odd,
                      "--allow-noncompliant"}),
              0)
        << err;
    EXPECT_EQ(std::filesystem::file_size(odd), 64U + 7 * 256);
    EXPECT_EQ(validate("odd.ring", {}), 3);
}

// spec: TOOL-018
TEST_F(TpShmCreateTest, RefusesWhatNoConsumerCouldMap) {
    EXPECT_EQ(create({"--region", "header", "--nslots", "7"}), 2);
    EXPECT_THAT(err, HasSubstr("power of two"));
    EXPECT_EQ(create({"--region", "pool", "--nslots", "8"}), 2);
    EXPECT_EQ(create({"--region", "header", "--nslots", "8", "--namespace", ".."}), 2);
    EXPECT_EQ(create({"--region", "header", "--nslots", "8", "--shm-base-dir", "relative"}), 2);
    EXPECT_TRUE(std::filesystem::is_empty(dir.str()));
    EXPECT_EQ(create({"--region", "header", "--nslots", "8"}), 0) << err;
    EXPECT_EQ(create({"--region", "header", "--nslots", "8"}), 1);
    EXPECT_THAT(err, HasSubstr("header.ring"));
}

}  // namespace
}  // namespace tensorpool
