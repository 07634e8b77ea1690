// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron_backend.hpp"
#include "messaging/conformance.hpp"

namespace tensorpool::test {
namespace {

std::unique_ptr<MessagingBackend> make_aeron() {
    return std::make_unique<AeronBackend>();
}

INSTANTIATE_TEST_SUITE_P(Aeron, MessagingConformance,
                         testing::Values(MessagingBackendFactory{"aeron", &make_aeron}),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace tensorpool::test
