// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/conformance.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>

namespace tensorpool::test {

/// Embedded clients that meet in a fresh directory.
class EmbeddedBackend final : public MessagingBackend {
public:
    [[nodiscard]] std::unique_ptr<messaging::Client> make_client() override {
        return messaging::make_embedded_client(options());
    }
    [[nodiscard]] std::string small_channel() const override { return "aeron:ipc?term-length=64k"; }

    [[nodiscard]] messaging::EmbeddedOptions options() const {
        messaging::EmbeddedOptions options;
        options.dir = directory();
        return options;
    }
    /// Inside of the temporary directory, because the last client removes it.
    [[nodiscard]] std::string directory() const { return (parent_.path() / "messaging").string(); }

    /// Files and directories left, the messaging directory itself included.
    [[nodiscard]] int entries_left() const {
        int count = 0;
        for ([[maybe_unused]] const auto& entry :
             std::filesystem::recursive_directory_iterator(parent_.path())) {
            ++count;
        }
        return count;
    }

private:
    TempDir parent_;
};

}  // namespace tensorpool::test
