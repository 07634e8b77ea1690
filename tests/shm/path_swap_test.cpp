// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/path_policy.hpp"

#include <tensorpool/error.hpp>

#include "support/rounds.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

// Somebody swaps what lies at an announced path while it is being opened.
namespace tensorpool::shm {
namespace {

namespace fs = std::filesystem;

class PathSwapTest : public testing::TestWithParam<bool> {
protected:
    PathSwapTest() {
        fs::create_directories(base + "/s");
        fs::create_directories(outside);
        std::ofstream(outside + "/file") << "outside";
        std::ofstream(base + "/s/file") << "inside";
    }

    /// Opens base/s/file again and again while `swap` runs in another thread; nothing but the file inside may
    /// ever be handed out.
    void expect_only_the_inside_file(const std::function<void(int)>& swap) const {
        PathPolicy policy({base});
        if (GetParam()) policy.force_component_walk();
        std::atomic<bool> stop = false;
        std::thread swapper([&] {
            for (int i = 0; !stop.load(std::memory_order_relaxed); ++i) swap(i);
        });
        int opened = 0;
        int refused = 0;
        // Goes on until both happened: the swapper may need a while to get a processor.
        for (int i = 0; i < test::rounds(20'000) || opened == 0 || refused == 0; ++i) {
            try {
                const PathPolicy::OpenFile file = policy.open(base + "/s/file", false);
                ++opened;
                char text[16] = {};
                if (::read(file.fd.get(), text, sizeof text) < 0 || std::string(text) != "inside") {
                    ADD_FAILURE() << "opened '" << text << "'";
                    break;
                }
            } catch (const Error&) {
                ++refused;
            }
        }
        stop.store(true, std::memory_order_relaxed);
        swapper.join();
    }

    const test::TempDir dir;
    const std::string base = dir.str() + "/base";
    const std::string outside = dir.str() + "/outside";
};

std::string walk_name(const testing::TestParamInfo<bool>& walk) {
    return walk.param ? "Components" : "Openat2";
}

INSTANTIATE_TEST_SUITE_P(Walks, PathSwapTest, testing::Bool(), walk_name);

// spec: WIRE-153 WIRE-155
TEST_P(PathSwapTest, AFileSwappedForALinkIsNeverFollowed) {
    fs::create_symlink(outside + "/file", base + "/s/link");
    expect_only_the_inside_file([&](int) {
        // The two names change places, so that the path always exists.
        ::rename((base + "/s/file").c_str(), (base + "/s/kept").c_str());
        ::rename((base + "/s/link").c_str(), (base + "/s/file").c_str());
        ::rename((base + "/s/file").c_str(), (base + "/s/link").c_str());
        ::rename((base + "/s/kept").c_str(), (base + "/s/file").c_str());
    });
}

// spec: WIRE-153 WIRE-155
TEST_P(PathSwapTest, ADirectorySwappedForALinkIsNeverFollowed) {
    fs::create_directory_symlink(outside, base + "/link");
    expect_only_the_inside_file([&](int) {
        ::rename((base + "/s").c_str(), (base + "/kept").c_str());
        ::rename((base + "/link").c_str(), (base + "/s").c_str());
        ::rename((base + "/s").c_str(), (base + "/link").c_str());
        ::rename((base + "/kept").c_str(), (base + "/s").c_str());
    });
}

// spec: WIRE-152 WIRE-153
TEST_P(PathSwapTest, AFileSwappedForAFifoNeverBlocksTheOpen) {
    ASSERT_EQ(::mkfifo((base + "/s/fifo").c_str(), 0600), 0);
    expect_only_the_inside_file([&](int) {
        ::rename((base + "/s/file").c_str(), (base + "/s/kept").c_str());
        ::rename((base + "/s/fifo").c_str(), (base + "/s/file").c_str());
        ::rename((base + "/s/file").c_str(), (base + "/s/fifo").c_str());
        ::rename((base + "/s/kept").c_str(), (base + "/s/file").c_str());
    });
}

}  // namespace
}  // namespace tensorpool::shm
