// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/error_text.hpp"

#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using messaging::aeron::one_line;

TEST(AeronErrorTextTest, KeepsWhatHappenedAndDropsNumbersFunctionsAndSourceLines) {
    EXPECT_EQ(one_line("(-1) generic error, see message\n"
                       "[aeron_client_conductor_async_resource_poll, aeron_client_conductor.c:3709] "
                       "async_add_exclusive_publication registration error\n"
                       "(-22) Invalid argument\n"
                       "[aeron_uri_parse, aeron_uri.c:12] invalid value: 'mtu'\n"
                       "[aeron_driver_uri_publication_params, aeron_driver_uri.c:34] \n"),
              "invalid value: 'mtu'");
    EXPECT_EQ(one_line("MediaDriver has been shutdown"), "MediaDriver has been shutdown");
    EXPECT_EQ(one_line("[not, a source] stays\nso does (this)"), "[not, a source] stays; so does (this)");
}

TEST(AeronErrorTextTest, FallsBackToTheNameOfTheError) {
    EXPECT_EQ(one_line("(-1000) driver timeout\n[a, b.c:1] \n"), "driver timeout");
    EXPECT_EQ(one_line(""), "unknown error");
    EXPECT_EQ(one_line("\n \n"), "unknown error");
}

}  // namespace
}  // namespace tensorpool::test
