// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/media_driver.hpp"
#include "support/messaging_choice.hpp"

#include <gtest/gtest.h>

// The main() of programs whose tests run on Aeron, with a media driver of their own.
namespace {

using tensorpool::test::AeronmdProcess;

class MediaDriverForAll : public testing::Environment {
public:
    void SetUp() override {
        // Killed clients are forgotten soon, but not those that wait for a processor. Until then each
        // publication of the dead has a counter for each subscription of the dead: there must be room for
        // hundreds of both.
        driver_ = std::make_unique<AeronmdProcess>(std::vector<std::string>{
            "AERON_CLIENT_LIVENESS_TIMEOUT=2000000000", "AERON_COUNTERS_BUFFER_LENGTH=64m"});
        tensorpool::test::aeron_dir_of_tests() = driver_->dir();
    }
    void TearDown() override { driver_.reset(); }

private:
    std::unique_ptr<AeronmdProcess> driver_;
};

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(new MediaDriverForAll);
    return RUN_ALL_TESTS();
}
