// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/racy_copy.hpp"
#include "base/unique_fd.hpp"
#include "messaging/embedded/directory.hpp"
#include "messaging/embedded/log_file.hpp"
#include "messaging/embedded/mapping.hpp"

#include <memory>
#include <string>

namespace tensorpool::messaging::embedded {

inline constexpr std::uint64_t kRegistryMagic = 0x3147455250540053;
inline constexpr std::uint32_t kRegistryVersion = 1;
inline constexpr std::size_t kRegistryBytes = 4096;
inline constexpr unsigned kSlots = 256;  ///< publications, and as many subscriptions, per stream
inline constexpr unsigned kSlotWords = kSlots / 64;

/// Byte image of `stream-<id>/registry`. Changed only under the directory's lock, except for `wake`. Whether
/// a slot's owner lives is said by its file lock, not by anything in here.
struct RegistryImage {
    std::uint64_t magic;
    std::uint32_t version;
    std::int32_t stream_id;
    std::uint32_t changing;  ///< 1 while `publications` changes; left at 1 by someone who died doing that
    std::uint32_t reserved0[11];
    // What a publisher reads per message, on one cache line.
    std::uint64_t subscribers[kSlotWords];
    std::uint32_t wake;  ///< futex word, see waiter.hpp
    std::uint32_t reserved1[7];
    // What a subscription reads per poll.
    std::uint32_t generation;  ///< grows after every change of `publications`
    std::uint32_t reserved2[15];
    std::uint64_t publications[kSlotWords];
    std::uint64_t reserved3[4];
    std::int64_t sessions[kSlots];  ///< valid where the bit in `publications` is set
};
static_assert(offsetof(RegistryImage, subscribers) == 64 && offsetof(RegistryImage, wake) == 96);
static_assert(offsetof(RegistryImage, generation) == 128 && offsetof(RegistryImage, publications) == 192);
static_assert(offsetof(RegistryImage, sessions) == 256 && sizeof(RegistryImage) <= kRegistryBytes);

/// One stream's meeting point, as one client sees it. Members marked [locked] are called with the directory's
/// lock held; the others are safe from any thread at any time.
class StreamRegistry {
public:
    /// [locked] Makes directory and file when they are missing, and reaps what the dead left. Throws Error.
    StreamRegistry(const Directory& directory, const DirectoryLock& lock, std::int32_t stream_id);

    /// [locked] Takes a free slot and its liveness lock; nobody sees it yet. Throws MessagingError when all
    /// are taken.
    [[nodiscard]] unsigned claim_subscriber();
    [[nodiscard]] LogIdentity claim_publication();
    /// [locked] Makes the slot's owner visible.
    void show_subscriber(unsigned slot) noexcept;
    void show_publication(const LogIdentity& identity) noexcept;
    /// [locked, or the directory is gone] Undoes claim and show; removes the publication's log.
    void release_subscriber(unsigned slot) noexcept;
    void release_publication(const LogIdentity& identity) noexcept;

    /// Whether sweep() would find something. A few system calls.
    [[nodiscard]] bool needs_sweep() const noexcept;
    /// [locked] Frees the slots and removes the logs of owners that died. Returns how many.
    int sweep() noexcept;
    /// [locked] Removes file and directory when no client uses the stream.
    void remove_if_unused(const DirectoryLock& lock) noexcept;
    /// Whether somebody removed the registry's file under us: nobody new can find this stream then.
    [[nodiscard]] bool removed_by_others() const noexcept;

    /// Whether a subscriber is registered. Plain loads of one cache line.
    [[nodiscard]] bool has_subscriber() const noexcept { return any(image().subscribers); }
    [[nodiscard]] bool has_publication() const noexcept { return any(image().publications); }
    [[nodiscard]] std::uint32_t generation() const noexcept {
        return base::load_acquire(image().generation);  // pairs with ~Change: the new bits are visible
    }
    [[nodiscard]] bool lists(const LogIdentity& identity) const noexcept;
    [[nodiscard]] std::uint32_t& wake_word() noexcept { return image().wake; }

    /// Calls `visit(LogIdentity)` for every visible publication.
    template <typename Visit>
    void for_each_publication(Visit&& visit) const {
        for (unsigned slot = 0; slot < kSlots; ++slot) {
            if (!bit(image().publications, slot)) continue;
            visit(LogIdentity{stream_id_, slot, base::load_relaxed(image().sessions[slot])});
        }
    }

    [[nodiscard]] std::int32_t stream_id() const noexcept { return stream_id_; }
    [[nodiscard]] int dir_fd() const noexcept { return dir_.get(); }
    [[nodiscard]] mode_t file_mode() const noexcept { return file_mode_; }

private:
    class Change;

    [[nodiscard]] RegistryImage& image() const noexcept {
        return *reinterpret_cast<RegistryImage*>(static_cast<void*>(mapping_.data()));
    }
    static bool any(const std::uint64_t (&words)[kSlotWords]) noexcept {
        std::uint64_t all = 0;
        for (const std::uint64_t& word : words) all |= base::load_relaxed(word);
        return all != 0;
    }
    static bool bit(const std::uint64_t (&words)[kSlotWords], unsigned slot) noexcept {
        return (base::load_acquire(words[slot / 64]) >> (slot % 64) & 1U) != 0;  // pairs with set_bit
    }

    void open_file(const Directory& directory);
    [[nodiscard]] bool valid_image() const noexcept;
    [[nodiscard]] unsigned claim(const std::uint64_t (&words)[kSlotWords], off_t lock_base, const char* kind);
    int remove_stale_logs() noexcept;

    std::int32_t stream_id_;
    std::string name_;  ///< of the stream's directory
    mode_t file_mode_;
    base::UniqueFd dir_;
    base::UniqueFd locks_;  ///< holds the liveness locks of this client's slots
    base::UniqueFd probe_;  ///< opened separately, so that it also sees the locks that locks_ holds
    Mapping mapping_;
};

}  // namespace tensorpool::messaging::embedded
