// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded_backend.hpp"
#include "support/allocation_counter.hpp"
#include "support/pattern.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tensorpool::test {
namespace {

TEST(EmbeddedAllocationTest, PublishingPollingAndWaitingAllocateNothing) {
    EmbeddedBackend backend;
    const auto client = backend.make_client();
    const auto subscription = client->add_subscription(backend.small_channel(), 1);
    const auto publication = client->add_publication(backend.small_channel(), 1);
    const std::array<messaging::Subscription*, 1> all{subscription.get()};
    const auto small = pattern(1, 48);
    const auto large = pattern(2, 5'000);
    std::uint64_t received = 0;
    const auto exchange = [&] {
        publication->prefetch_next();
        if (!publication->offer(small) || !publication->offer(large)) return false;
        for (const std::size_t length : {std::size_t{40}, std::size_t{3'000}}) {
            auto claim = publication->try_claim(length);
            if (!claim) return false;
            claim->bytes()[0] = std::byte{1};
            claim->commit();
        }
        client->do_work(monotonic_now_ns());
        client->wait(all, kNanosPerMilli);
        subscription->poll(
            [&](const messaging::Message& message) { received += std::uint64_t{!message.bytes.empty()}; },
            100);
        return true;
    };
    ASSERT_TRUE(exchange());  // joins the image
    const std::uint64_t before = allocations_of_this_thread();
    bool sent = true;
    for (int i = 0; i < 10'000; ++i) sent = sent && exchange();
    const std::uint64_t after = allocations_of_this_thread();
    EXPECT_TRUE(sent);
    EXPECT_EQ(after - before, 0U);
    EXPECT_EQ(received, 40'004U);
}

}  // namespace
}  // namespace tensorpool::test
