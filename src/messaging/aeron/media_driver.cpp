// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/aeron_client.hpp"
#include "messaging/aeron/error_text.hpp"
#include "messaging/aeron/session.hpp"

#include <tensorpool/error.hpp>

#include <aeronmd.h>
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <utility>

namespace tensorpool::messaging {
namespace {

class EmbeddedMediaDriver final : public MediaDriver {
public:
    explicit EmbeddedMediaDriver(std::string dir) : dir_(std::move(dir)) {
        if (aeron::look_at_driver(dir_, aeron::default_driver_timeout_ms()) == aeron::DriverState::Alive) {
            throw Error(ErrorCode::MessagingError,
                        fmt::format("Aeron: a media driver is active in {} already; leave out "
                                    "--embedded-media-driver, or name another directory",
                                    dir_));
        }
        const bool up = ::aeron_driver_context_init(&context_) == 0 && configure() &&
                        ::aeron_driver_init(&driver_, context_) == 0 &&
                        ::aeron_driver_start(driver_, false) == 0;
        if (up) return;
        const std::string why = aeron::last_error();
        close();
        throw Error(ErrorCode::MessagingError,
                    fmt::format("Aeron: cannot start a media driver in {}: {}", dir_, why));
    }
    ~EmbeddedMediaDriver() override { close(); }

    [[nodiscard]] const std::string& dir() const noexcept override { return dir_; }

private:
    bool configure() {
        // One thread for everything unless the user says otherwise.
        const bool chosen = std::getenv("AERON_THREADING_MODE") != nullptr;
        return ::aeron_driver_context_set_dir(context_, dir_.c_str()) == 0 &&
               ::aeron_driver_context_set_dir_delete_on_shutdown(context_, true) == 0 &&
               ::aeron_driver_context_set_dir_warn_if_exists(context_, false) == 0 &&
               (chosen ||
                ::aeron_driver_context_set_threading_mode(context_, AERON_THREADING_MODE_SHARED) == 0);
    }

    void close() noexcept {
        if (driver_ != nullptr) ::aeron_driver_close(driver_);
        if (context_ != nullptr) ::aeron_driver_context_close(context_);
    }

    std::string dir_;
    aeron_driver_context_t* context_ = nullptr;
    aeron_driver_t* driver_ = nullptr;
};

}  // namespace

bool has_media_driver() noexcept {
    return true;
}

std::unique_ptr<MediaDriver> start_media_driver(const std::string& dir) {
    return std::make_unique<EmbeddedMediaDriver>(dir.empty() ? default_aeron_dir() : dir);
}

}  // namespace tensorpool::messaging
