// Notifications at intervals (clause 5.8.6): all entities that match, whatever has changed.

#include "notify/delivery.h"

namespace madang::hub {

namespace {

constexpr std::uint64_t kSlice = 1'000;  // entities looked at in one turn

}  // namespace

/// A question on its way through several turns of the thread.
struct Delivery::Survey {
  BoxNumber number = 0;
  SubscriberPtr subscriber;
  state::Page page;
  std::optional<state::Search> search;
  std::vector<std::shared_ptr<const std::string>> items;
};

void Delivery::survey(Box& box, Moment now) {
  if (box.surveying || courier_ == nullptr || !box.endpoint) return;
  if (*box.due > now) return wake_at(box.state.number, *box.due);
  const Moment interval = std::chrono::duration_cast<Moment>(*box.subscriber->what.interval);
  *box.due = std::max(*box.due + interval, now);
  if (*box.due == now) *box.due += interval;
  wake_at(box.state.number, *box.due);
  // An endpoint that is down is not sent what the next interval tells anyway.
  if (!box.subscriber->is_active(clock_.now()) || box.endpoint->closed_until > now) return;
  auto made = std::make_shared<Survey>();
  made->number = box.state.number;
  made->subscriber = box.subscriber;
  made->page.limit = static_cast<std::uint32_t>(options_.entities_together);
  made->search.emplace(store_, *box.subscriber->tenant, made->subscriber->what.query, made->subscriber->filter(),
                       made->page);
  box.surveying = true;
  survey_slice(made);
}

void Delivery::survey_slice(const std::shared_ptr<Survey>& survey) {
  const auto found = boxes_.find(survey->number);
  if (found == boxes_.end()) return;
  Box& box = *found->second;
  Wording* const wording = box.subscriber == survey->subscriber ? wording_of(box) : nullptr;
  if (wording == nullptr) {  // it was changed meanwhile, or its @context is on its way: the next interval is its turn
    box.surveying = false;
    return;
  }
  const base::Timestamp now = clock_.now();
  bool finished = false;
  {
    const state::Reading reading(store_);
    auto ran = survey->search->run(
        kSlice,
        [&](ngsi::EntityView entity) {
          std::string text;
          renderer_->append_entity(text, *survey->subscriber, *wording, entity, now);
          survey->items.push_back(std::make_shared<const std::string>(std::move(text)));
        },
        now);
    finished = !ran.ok() || *ran;
  }
  if (finished) {
    if (!survey->items.empty()) dispatch(box, {}, std::exchange(survey->items, {}), *wording);
    if (!survey->search->more() || !survey->search->last()) {
      box.surveying = false;
      return;
    }
    survey->page.after = survey->search->last();
    survey->search.emplace(store_, *survey->subscriber->tenant, survey->subscriber->what.query,
                           survey->subscriber->filter(), survey->page);
  }
  post([this, survey] { survey_slice(survey); });
}

}  // namespace madang::hub
