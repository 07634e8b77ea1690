// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/error.hpp>

#include <arv.h>

#include <memory>
#include <string>
#include <string_view>

namespace tensorpool::camera {

struct ObjectUnref {
    void operator()(void* object) const noexcept { g_object_unref(object); }
};
/// Owns one reference of a GObject.
template <typename T>
using ObjectPtr = std::unique_ptr<T, ObjectUnref>;

struct GFree {
    void operator()(void* memory) const noexcept { g_free(memory); }
};
/// Owns an array whose elements belong to someone else.
template <typename T>
using GArrayPtr = std::unique_ptr<T[], GFree>;

/// Receives the GError of one call.
class LibraryError {
public:
    LibraryError() = default;
    ~LibraryError() { g_clear_error(&error_); }
    LibraryError(const LibraryError&) = delete;
    LibraryError& operator=(const LibraryError&) = delete;

    [[nodiscard]] GError** out() noexcept {
        g_clear_error(&error_);
        return &error_;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return error_ != nullptr; }
    [[nodiscard]] std::string text() const { return error_ != nullptr ? error_->message : "no reason given"; }
    /// Throws Error(DeviceError) "`what`: <reason>" when the call failed.
    void check(std::string_view what) const {
        if (error_ != nullptr)
            throw Error(ErrorCode::DeviceError, std::string(what) + ": " + error_->message);
    }

private:
    GError* error_ = nullptr;
};

inline std::string text_or_empty(const char* text) {
    return text != nullptr ? text : "";
}

}  // namespace tensorpool::camera
