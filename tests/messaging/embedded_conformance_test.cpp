// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/conformance.hpp"
#include "messaging/embedded_backend.hpp"

namespace tensorpool::test {
namespace {

std::unique_ptr<MessagingBackend> make_embedded() {
    return std::make_unique<EmbeddedBackend>();
}

INSTANTIATE_TEST_SUITE_P(Embedded, MessagingConformance,
                         testing::Values(MessagingBackendFactory{"embedded", &make_embedded}),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace tensorpool::test
